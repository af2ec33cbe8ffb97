import type { Counter } from '../../../src/contracts/feed-record.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import { compareU64 } from '../../../src/contracts/ids.ts';
import type { EpochMs, Window } from '../../../src/contracts/time.ts';
import { usageLine } from './window-rows.ts';
import type { ParserContext, UsageColumns } from './window-rows.ts';

/** Totals of one device and network, or of one VM and volume, that several rows may share. */
interface Totals {
  readonly zoneId: string;
  readonly owner: string;
  /** null where a statistics row has no network. */
  readonly part: string | null;
  readonly label: string;
  readonly totals: readonly bigint[];
}

/** A row of usage_network or usage_vm_disk. */
interface Growth extends Totals {
  readonly deltas: readonly bigint[];
  readonly atMs: EpochMs;
}

type Counted = (typeof tables)[number];

/** The rows that one job inserted for a zone. */
interface JobGrowth {
  readonly atMs: EpochMs;
  readonly rows: readonly Growth[];
}

/** usage_network and usage_vm_disk: what totals grew by from job to job. */
export class Statistics {
  /** By table and account, then by zone; jobs in the order of their ends. */
  readonly #jobs = new Map<string, Map<string, JobGrowth[]>>();
  readonly #ends = new Set<EpochMs>();

  /** Whether a job up to there has inserted rows: at their key one that tries again fails. */
  hasJob(endMs: EpochMs): boolean {
    return this.#ends.has(endMs - 1);
  }

  /** Adds what the totals of an account grew by up to the end of a job. */
  add(accountId: AccountId, counters: readonly Counter[], job: Window): void {
    const sorted = counters.toSorted((a, b) => compareU64(a.id, b.id));
    const atMs = job.endMs - 1;
    for (const table of tables) {
      const key = `${table} ${accountId}`;
      const zones = this.#jobs.get(key) ?? new Map<string, JobGrowth[]>();
      this.#jobs.set(key, zones);
      const grown = merged(sorted.flatMap((row) => totalsOf(table, row)));
      for (const [zoneId, all] of Map.groupBy(grown, (one) => one.zoneId)) {
        const jobs = zones.get(zoneId) ?? [];
        zones.set(zoneId, jobs);
        // What the newest job of the zone did not have has no total to compare with, and device 0 never has.
        const before = new Map(jobs.at(-1)?.rows.map((row) => [identity(row), row.totals]));
        const rows = all.map((one) => {
          const base = one.owner === '0' ? undefined : before.get(identity(one));
          const deltas = one.totals.map((total, at) => total - (base?.[at] ?? 0n));
          return { ...one, deltas: deltas.map((delta) => (delta < 0n ? 0n : delta)), atMs };
        });
        jobs.push({ atMs, rows });
        this.#ends.add(atMs);
      }
    }
  }

  /** The rows of a window: what grew in the jobs that ended in it. */
  lines(ctx: ParserContext): string[] {
    return tables.flatMap((table) => this.#lines(ctx, table));
  }

  #lines(ctx: ParserContext, table: Counted): string[] {
    const { startMs, endMs } = ctx.window;
    const inWindow: Growth[] = [];
    for (const jobs of this.#jobs.get(`${table} ${ctx.accountId}`)?.values() ?? []) {
      const first = jobs.findLastIndex(({ atMs }) => atMs < startMs) + 1;
      for (const { atMs, rows } of jobs.slice(first)) if (atMs < endMs) inWindow.push(...rows);
    }
    const groups = Map.groupBy(inWindow, (row) => (row.owner === '0' ? row.zoneId : identity(row)));
    return [...groups.values()].flatMap((rows) => {
      const last = rows.toSorted(byKey).at(-1);
      if (last === undefined) return [];
      const sums = last.deltas.map((_, at) =>
        rows.reduce((sum, row) => sum + (row.deltas[at] ?? 0n), 0n),
      );
      if (sums.every((sum) => sum === 0n)) return [];
      return (table === 'user_statistics' ? networkLines : diskLines)(ctx, last, sums);
    });
  }
}

const tables = ['user_statistics', 'vm_disk_statistics'] as const;

/** Rows are read in the order of the primary key. */
const byKey = (a: Growth, b: Growth): number =>
  Number(BigInt(a.owner) - BigInt(b.owner)) ||
  Number(BigInt(a.part ?? 0) - BigInt(b.part ?? 0)) ||
  a.atMs - b.atMs;

function totalsOf(table: Counted, row: Counter): Totals[] {
  if (row.table !== table) return [];
  if (row.table === 'user_statistics')
    return [
      {
        zoneId: row.zoneId,
        owner: row.deviceId,
        part: row.networkId,
        label: row.deviceType,
        totals: [BigInt(row.aggBytesSent), BigInt(row.aggBytesReceived)],
      },
    ];
  const { aggIoRead, aggIoWrite, aggBytesRead, aggBytesWrite } = row;
  const totals = [aggIoRead, aggIoWrite, aggBytesRead, aggBytesWrite].map(BigInt);
  return [{ zoneId: row.zoneId, owner: row.vmId, part: row.volumeId, label: '', totals }];
}

const identity = ({ zoneId, owner, part }: Totals): string => `${zoneId}-${owner}-${part}`;

function merged(all: readonly Totals[]): Totals[] {
  const sums = new Map<string, Totals>();
  for (const one of all) {
    const before = sums.get(identity(one));
    const totals = one.totals.map((total, at) => total + (before?.totals[at] ?? 0n));
    sums.set(identity(one), { ...(before ?? one), totals });
  }
  return [...sums.values()];
}

function amountLine(ctx: ParserContext, columns: UsageColumns, amount: bigint, unit: string) {
  return usageLine(ctx, columns, { display: `${amount} ${unit}`, raw: Number(amount) });
}

function networkLines(ctx: ParserContext, row: Growth, sums: readonly bigint[]): string[] {
  const host = row.owner === '0' ? null : row.owner;
  return ['sent', 'received'].map((direction, at) =>
    amountLine(
      ctx,
      {
        usageType: 4 + at,
        zoneId: row.zoneId,
        description: `network bytes ${direction}${host === null ? '' : ` for Host: ${host}`}`,
        usageId: host,
        type: row.label,
        networkId: row.part,
      },
      sums[at] ?? 0n,
      `bytes ${direction}`,
    ),
  );
}

const diskTexts = [
  ['disk I/O read (io requests)', 'io read'],
  ['disk I/O write (io requests)', 'io write'],
  ['disk I/O read (bytes)', 'bytes read'],
  ['disk I/O write (bytes)', 'bytes write'],
] as const;

function diskLines(ctx: ParserContext, row: Growth, sums: readonly bigint[]): string[] {
  const isKnown = row.owner !== '0' && row.part !== '0';
  return diskTexts.map(([text, unit], at) =>
    amountLine(
      ctx,
      {
        usageType: 21 + at,
        zoneId: row.zoneId,
        description: `${text}${isKnown ? ` for Vm: ${row.owner} and Volume: ${row.part}` : ''}`,
        vmInstanceId: isKnown ? row.owner : null,
        usageId: row.part,
        type: 'VirtualMachine',
      },
      sums[at] ?? 0n,
      unit,
    ),
  );
}

/** Rows of buckets: their size now, in each window. */
export function bucketLines(ctx: ParserContext, counters: readonly Counter[]): string[] {
  return counters.flatMap((row) => {
    if (row.table !== 'bucket_statistics') return [];
    const size = BigInt(row.size ?? 0);
    if (size <= 0n) return [];
    const columns = {
      usageType: 29,
      zoneId: '1',
      description: 'Bucket Size',
      usageId: row.bucketId,
    };
    return [amountLine(ctx, columns, size, 'bytes')];
  });
}
