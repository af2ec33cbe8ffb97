import type { AccountId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { OutRecord } from '../platform/log/log.ts';
import { placement } from '../../streams/placement.ts';
import type { HeldRecords, PlacementRecord, ZoneRecord } from './placement-record.ts';
import { hasZones, nextSlice, noZones, sharedPartitions } from './zone-slices.ts';
import type { ZonePlan } from './zone-slices.ts';

/** An account that was never seen in a zone gets a place without one after this long, ms of source time. */
export const longestHoldMs = 24 * 3_600_000;
/** So many accounts wait for their zone; more are placed without one, the longest waiting first. */
const mostHeld = 10_000;
/** Templates and buckets of one account that wait for its zone. */
const mostRecords = 500;
/** Source time between two looks at who has waited too long, ms. */
const lookEveryMs = 60_000;

/** What the placement topic holds. */
export interface KnownPlacements {
  readonly partitions: Map<AccountId, number>;
  /** Slices that zones got when they first appeared. */
  readonly slices: Map<string, readonly number[]>;
  readonly held: Map<AccountId, HeldRecords>;
  /** Some account was placed by its zone: a place cannot be told from the account's id alone. */
  readonly byZone: boolean;
}

interface Before {
  readonly partition: number | undefined;
  readonly held: HeldRecords | undefined;
}

const nothingKnown = (): KnownPlacements => ({
  partitions: new Map(),
  slices: new Map(),
  held: new Map(),
  byZone: false,
});

/** How many accounts have a place or wait for one. */
export const accountsOf = ({ partitions, held }: KnownPlacements): number =>
  partitions.size + held.size;

/**
 * Which feed partition each account lives on. An account's first place is its last; new ones are handed
 * out once, by `takeNew`, to be written in the transaction of the account's first record.
 *
 * With zones, an account lives in the slice of its home zone, the first it is seen in; until then what
 * names no zone (its own row, templates, buckets) is held back, on the placement topic too, so that
 * nothing is lost with the process (docs/zones.md).
 */
export class Placements {
  readonly #prefix: string;
  readonly #partitions: number;
  readonly #known: KnownPlacements;
  readonly #plan: ZonePlan;
  readonly #zoned: boolean;
  /** For accounts without a zone. */
  readonly #shared: readonly number[];
  #changed = new Map<string, OutRecord>();
  /** What was known, before the last call of `takeNew`, of accounts that have changed since. */
  readonly #before = new Map<AccountId, Before>();
  readonly #newZones: string[] = [];
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(prefix: string, partitions: number, known = nothingKnown(), plan = noZones) {
    this.#prefix = prefix;
    this.#partitions = partitions;
    this.#known = known;
    this.#plan = plan;
    this.#zoned = hasZones(plan);
    this.#shared = sharedPartitions(plan, partitions);
  }

  /** @param zone Of the record that needs a place; null when it names none. */
  partitionOf(account: AccountId, zone: string | null = null): number {
    const known = this.#known.partitions.get(account);
    if (known !== undefined) return known;
    const homeZone = this.#zoned ? zone : null;
    const slice = homeZone === null ? this.#shared : this.#sliceOf(homeZone);
    const partition = slice[routedPartition(account, slice.length)]!;
    this.#remember(account);
    this.#known.partitions.set(account, partition);
    const record: PlacementRecord = { v: 1, account, partition, homeZone };
    this.#write(account, record);
    return partition;
  }

  /** Keeps a record without a zone until its account has a place. @returns false when it has one, or needs none. */
  hold(account: AccountId, name: string, value: string, watermarkMs: EpochMs | null): boolean {
    if (!this.#zoned || this.#known.partitions.has(account)) return false;
    const before = this.#known.held.get(account);
    // One record of the placement topic holds them all: so many are a reason to place the account at once.
    if (Object.keys(before?.records ?? {}).length >= mostRecords) return false;
    const held = {
      sinceMs: before?.sinceMs ?? watermarkMs,
      records: { ...before?.records, [name]: value },
    };
    this.#remember(account);
    this.#known.held.set(account, held);
    this.#write(account, { v: 1, account, partition: null, homeZone: null, held });
    return true;
  }

  /** What was held of an account: to be written before anything else of it, once it has its place. */
  release(account: AccountId): readonly string[] {
    if (this.#known.held.size === 0) return [];
    const held = this.#known.held.get(account);
    if (!held) return [];
    this.#remember(account);
    this.#known.held.delete(account);
    return Object.values(held.records);
  }

  /** Accounts that have waited for a zone long enough, by source time, or that are too many. */
  overdue(watermarkMs: EpochMs | null): readonly AccountId[] {
    const { held } = this.#known;
    const surplus = held.size - mostHeld;
    if (held.size === 0 || watermarkMs === null) return [];
    if (surplus <= 0 && watermarkMs < this.#lookedMs + lookEveryMs) return [];
    this.#lookedMs = watermarkMs;
    const due: AccountId[] = [];
    for (const [account, { sinceMs, records }] of held) {
      if (sinceMs === null) held.set(account, { sinceMs: watermarkMs, records });
      else if (watermarkMs - sinceMs >= longestHoldMs || due.length < surplus) due.push(account);
    }
    return due;
  }

  /** How many have a place or wait for one. */
  get accounts(): number {
    return accountsOf(this.#known);
  }

  /** Whether `takeNew` would say something. */
  get hasNew(): boolean {
    return this.#changed.size > 0;
  }

  /** Records of what changed since the last call, for the transaction that needs it. */
  takeNew(): readonly OutRecord[] {
    this.#before.clear();
    this.#newZones.length = 0;
    if (this.#changed.size === 0) return [];
    const added = [...this.#changed.values()];
    this.#changed = new Map();
    return added;
  }

  /**
   * Forgets everything since the last call of `takeNew`: the source has rolled it back, so that what was released
   * into the transaction is held again, and places that were handed out are not.
   */
  undo(): void {
    const { partitions, held, slices } = this.#known;
    const put = <K, V>(map: Map<K, V>, key: K, value: V | undefined) =>
      value === undefined ? map.delete(key) : map.set(key, value);
    for (const [account, before] of this.#before) {
      put(partitions, account, before.partition);
      put(held, account, before.held);
    }
    for (const zone of this.#newZones) slices.delete(zone);
    this.#changed.clear();
    this.takeNew();
  }

  #remember(account: AccountId): void {
    if (this.#before.has(account)) return;
    const { partitions, held } = this.#known;
    this.#before.set(account, { partition: partitions.get(account), held: held.get(account) });
  }

  #sliceOf(zone: string): readonly number[] {
    const fixed = this.#plan.fixed.get(zone);
    if (fixed) return fixed;
    const given = this.#known.slices.get(zone);
    if (given) return given;
    const slice = nextSlice(this.#plan, this.#partitions, this.#known.slices.size);
    this.#known.slices.set(zone, slice);
    this.#newZones.push(zone);
    this.#write(`zone/${zone}`, { v: 1, zone, partitions: [...slice] });
    return slice;
  }

  #write(key: string, record: PlacementRecord | ZoneRecord): void {
    this.#changed.set(key, {
      topic: placement.topic(this.#prefix),
      partition: 0,
      key,
      value: JSON.stringify(record),
    });
  }
}

/**
 * Debezium's PartitionRouting for one field of type long: Java's Long.hashCode, made positive, modulo.
 * Unsigned values above 2^63 hash by their bits, as a Java long has them.
 *
 * @see https://debezium.io/documentation/reference/stable/transformations/partition-routing.html
 */
export function routedPartition(account: AccountId, partitions: number): number {
  const bits = BigInt.asUintN(64, BigInt(account));
  const hash = Number(BigInt.asIntN(32, bits ^ (bits >> 32n)));
  return (hash & 0x7fffffff) % partitions;
}
