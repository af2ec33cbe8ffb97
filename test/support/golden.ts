import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Counter } from '../../src/contracts/feed-record.ts';
import type { AccountFacts, FoldEvent, FoldWindow } from '../../src/contracts/fold.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { AccountId } from '../../src/contracts/ids.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import type { Window } from '../../src/contracts/time.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { decodeState, emptyState, encodeState } from '../../src/domain/account-state.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import type { FoldOutput } from '../../src/domain/fold.ts';
import type { QuirkSet } from '../../src/domain/quirks.ts';
import { readGoldenFolder } from '../golden/read-folder.ts';
import { settingsAt } from '../golden/server-settings.ts';
import { CloudContent } from './cloud-content.ts';
import type { SqlChange, SqlRow } from './sql-script.ts';

const folder = new URL('../data/golden/', import.meta.url);

/** What went into a real CloudStack usage server, and what it wrote. See test/data/golden/README.md. */
export interface Golden {
  readonly name: string;
  readonly rangeMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly runDelayMs: number;
  /** usage.aggregation.timezone; left out when it is not said. */
  readonly timeZone?: string | undefined;
  /** Keys of run.json that say nothing to us. */
  readonly unread?: readonly string[];
  /** The statements of input.sql. */
  readonly inputSql: string;
  /** Rows of `cloud` as they were committed, in order. */
  readonly changes: readonly SqlChange[];
  /** Lines of cloud_usage.tsv without its header. */
  readonly usage: readonly string[];
}

/** Reads a folder of test/data/golden. */
export const readGolden = (name: string): Promise<Golden> =>
  readGoldenFolder(new URL(`${name}/`, folder));

/** A table of a golden folder, such as usage_vm_instance: rows by column name, NULL as null; none when the run left it empty. */
export async function readGoldenTable(name: string, table: string): Promise<SqlRow[]> {
  const where = new URL(`${name}/${table}.tsv`, folder);
  if (!existsSync(where)) return [];
  const text = await readFile(where, 'utf8');
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const columns = header.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t').map((cell) => (cell === 'NULL' ? null : cell));
    return Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? null]));
  });
}

export interface GoldenFold {
  readonly rows: readonly UsageRow[];
  /** Every fold in order, one per account and window. */
  readonly folds: readonly (FoldOutput & {
    readonly accountId: AccountId;
    readonly window: Window;
  })[];
  /** Statistics rows that the server never had, up to the last run. */
  readonly lost: readonly Counter[];
}

interface GoldenHooks {
  readonly losesLateCounters?: boolean;
  /** Other windows than those of the run. */
  readonly windows?: readonly FoldWindow[];
  /** Makes the state that a window begins with. */
  readonly before?: (state: AccountState, startMs: number) => AccountState;
  readonly onFold?: (accountId: AccountId, output: FoldOutput, window: Window) => void;
}

/**
 * Folds a golden input in memory, window by window as a usage server would run: with the events that
 * are committed by window end + run delay, and everything else as it was then.
 *
 * CloudStack's usage server copies statistics by ascending id and never sees a row whose id is below
 * one that it copied in an earlier run, of whatever account. A fold of one account cannot know that
 * and bills the row. `losesLateCounters` leaves such rows out of the facts, as the server does.
 */
export function foldGolden(
  golden: Golden,
  quirks: QuirkSet,
  {
    losesLateCounters = true,
    windows = windowsOf(golden),
    before = (state) => state,
    onFold,
  }: GoldenHooks = {},
): GoldenFold {
  const states = new Map<AccountId, AccountState>();
  const folds: GoldenFold['folds'][number][] = [];
  let waiting: FoldEvent[] = [];
  const copied = new CounterCopy();
  const content = new CloudContent(golden.changes);
  const firstRunMs = golden.fromMs + golden.rangeMs + golden.runDelayMs;
  const settings = settingsAt(golden.changes, firstRunMs);
  let lost = new Set<Counter>();
  for (const window of windows) {
    const { startMs, endMs } = window;
    content.advance(window.runMs);
    waiting.push(...content.arrivals());
    const due = waiting.filter((event) => event.createdMs < endMs);
    waiting = waiting.filter((event) => event.createdMs >= endMs);
    const own = Map.groupBy(due, (event) => event.accountId);
    const seen = content.facts();
    lost = copied.lostBy(seen.values());
    const isSeen = (counter: Counter) => !losesLateCounters || !lost.has(counter);
    for (const [accountId, all] of seen) {
      const facts = { ...all, counters: all.counters.filter(isSeen) };
      const output = fold({
        // Through its text, as between two processes.
        state: decodeState(
          encodeState(before(states.get(accountId) ?? emptyState(accountId), startMs)),
        ),
        window,
        events: (own.get(accountId) ?? []).map((event) => content.withDetails(event)),
        facts,
        quirks,
        settings,
      });
      states.set(accountId, output.state);
      folds.push({ ...output, accountId, window });
      onFold?.(accountId, output, window);
    }
  }
  return { rows: folds.flatMap((output) => output.rows), folds, lost: [...lost] };
}

const windowsOf = ({ fromMs, toMs, rangeMs, runDelayMs }: Golden): FoldWindow[] =>
  Array.from({ length: Math.ceil((toMs - fromMs) / rangeMs) }, (_, n) => {
    const endMs = fromMs + (n + 1) * rangeMs;
    return { startMs: endMs - rangeMs, endMs, runMs: endMs + runDelayMs };
  });

/** Which statistics rows a usage server's copies hold, run after run. */
class CounterCopy {
  readonly #copied = new Set<string>();
  readonly #highest = new Map<string, bigint>();

  /** The rows that the next run does not copy, and does not have. */
  lostBy(facts: Iterable<AccountFacts>): Set<Counter> {
    const rows = [...facts].flatMap((own) => own.counters);
    const lost = rows.filter(
      ({ table, id }) =>
        !this.#copied.has(`${table} ${id}`) && BigInt(id) <= (this.#highest.get(table) ?? 0n),
    );
    for (const row of rows) {
      if (lost.includes(row)) continue;
      this.#copied.add(`${row.table} ${row.id}`);
      const highest = this.#highest.get(row.table) ?? 0n;
      if (BigInt(row.id) > highest) this.#highest.set(row.table, BigInt(row.id));
    }
    return new Set(lost);
  }
}

/** Rows as lines of cloud_usage.tsv, in its order. */
export function formatGoldenRows(rows: readonly UsageRow[]): string[] {
  return rows
    .map((row) => ({ row, order: orderOf(row) }))
    .toSorted((a, b) => compareOrder(a.order, b.order))
    .map(({ row }) => lineOf(row));
}

function lineOf(row: UsageRow): string {
  const cells = [
    row.zoneId,
    row.accountId,
    row.domainId,
    row.description,
    row.usageDisplay,
    row.usageType,
    plainDecimal(row.rawUsage),
    row.vmInstanceId,
    row.vmName,
    row.offeringId,
    row.templateId,
    row.usageId,
    row.type,
    row.size,
    row.networkId,
    sqlDateTime(row.startMs),
    sqlDateTime(row.endMs),
    row.virtualSize,
    row.cpuSpeed,
    row.cpuCores,
    row.memory,
    0,
    row.isHidden ? 1 : 0,
    row.state,
  ];
  return cells.map((cell) => cell ?? 'NULL').join('\t');
}

type Order = readonly (string | bigint | number | null)[];

const orderOf = (row: UsageRow): Order => [
  sqlDateTime(row.startMs),
  sqlDateTime(row.endMs),
  BigInt(row.accountId),
  BigInt(row.zoneId),
  row.usageType,
  ...[row.usageId, row.vmInstanceId, row.offeringId, row.templateId, row.networkId, row.size].map(
    (id) => (id === null ? null : BigInt(id)),
  ),
  row.description,
  row.rawUsage,
];

/** As ORDER BY does: NULL first. */
function compareOrder(a: Order, b: Order): number {
  for (const [at, left] of a.entries()) {
    const right = b[at] ?? null;
    if (left === right) continue;
    if (left === null) return -1;
    if (right === null) return 1;
    return left < right ? -1 : 1;
  }
  return 0;
}

/** A double without exponent, as MariaDB prints it. */
function plainDecimal(value: number): string {
  const [mantissa = '', exponent] = String(value).split('e-');
  if (exponent === undefined) return String(value);
  return `0.${'0'.repeat(Number(exponent) - 1)}${mantissa.replace('.', '')}`;
}

/** An account id for tests. */
export const accountId = (id: number | string): AccountId => u64<AccountId>(id);
