import { compareU64 } from '../contracts/ids.ts';
import type { U64, ZoneId } from '../contracts/ids.ts';
import type { CounterBase } from './account-state.ts';
import type { QuirkSet } from './quirks.ts';

/** What a statistics row says: totals since the beginning, one per direction. */
export interface Reading {
  readonly zoneId: ZoneId;
  /** Device, or VM. 0 has no identity of its own in CloudStack. */
  readonly ownerId: U64;
  /** Network, or volume. */
  readonly partId: U64 | null;
  readonly label: string;
  readonly totals: readonly bigint[];
}

export interface Growth extends Reading {
  /** What was added since the base, per direction; never negative. */
  readonly deltas: readonly bigint[];
  /** A total is lower than its base: the device was reset, and the lower value is the new base. */
  readonly isReset: boolean;
}

/**
 * How far counters have grown since the newest window, and the bases for the next. A counter without
 * base has grown by its whole total.
 *
 * @param readings In the order of the statistics rows' ids; several rows of one counter are added up.
 */
export function counterGrowth(
  quirks: QuirkSet,
  bases: readonly CounterBase[],
  readings: readonly Reading[],
): { growth: Growth[]; bases: CounterBase[] } {
  const baseOf = new Map(bases.map((base) => [identity(base), base]));
  const merged = merge(readings);
  const growth = merged.map((reading): Growth => {
    const isLost = quirks.deviceZeroChargedInFull && reading.ownerId === '0';
    const base = isLost ? undefined : baseOf.get(identity(reading));
    const grown = reading.totals.map((total, at) => total - BigInt(base?.totals[at] ?? 0));
    return {
      ...reading,
      deltas: grown.map((delta) => (delta < 0n ? 0n : delta)),
      isReset: grown.some((delta) => delta < 0n),
    };
  });
  return { growth, bases: nextBases(quirks, bases, merged) };
}

/** Growth by zone, owner and part, as rows show it: of owner 0 all parts of a zone are one. */
export function growthGroups(growth: readonly Growth[]): (Growth & { readonly key: string })[] {
  const groups = new Map<string, Growth>();
  for (const one of growth) {
    const key = one.ownerId === '0' ? one.zoneId : identity(one);
    const before = groups.get(key);
    const deltas = before === undefined ? one.deltas : add(before.deltas, one.deltas);
    groups.set(key, { ...one, deltas });
  }
  return Array.from(groups, ([key, group]) => ({ ...group, key })).filter(({ deltas }) =>
    deltas.some((delta) => delta > 0n),
  );
}

/** CloudStack compares with the newest set of a zone: what is missing from that set has no base. */
function nextBases(
  quirks: QuirkSet,
  bases: readonly CounterBase[],
  merged: readonly Reading[],
): CounterBase[] {
  const zones = new Set(merged.map((reading) => reading.zoneId));
  const present = new Set(merged.map(identity));
  const kept = bases.filter((base) =>
    quirks.returningCounterChargedInFull ? !zones.has(base.zoneId) : !present.has(identity(base)),
  );
  const seen = merged.map(({ zoneId, ownerId, partId, totals }) => {
    return { zoneId, ownerId, partId, totals: totals.map(String) };
  });
  return [...kept, ...seen];
}

function merge(readings: readonly Reading[]): Reading[] {
  const merged = new Map<string, Reading>();
  for (const reading of readings) {
    const before = merged.get(identity(reading));
    const totals = before === undefined ? reading.totals : add(before.totals, reading.totals);
    merged.set(identity(reading), { ...(before ?? reading), totals });
  }
  return [...merged.values()].toSorted(
    (a, b) =>
      compareU64(a.zoneId, b.zoneId) ||
      compareU64(a.ownerId, b.ownerId) ||
      comparePart(a.partId, b.partId),
  );
}

const identity = (c: Pick<Reading, 'zoneId' | 'ownerId' | 'partId'>): string =>
  `${c.zoneId}-${c.ownerId}-${c.partId}`;

const add = (a: readonly bigint[], b: readonly bigint[]): bigint[] =>
  a.map((value, at) => value + (b[at] ?? 0n));

/** A counter without part, which CloudStack could not store, comes first. */
function comparePart(a: U64 | null, b: U64 | null): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  return compareU64(a, b);
}
