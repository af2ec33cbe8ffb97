import type { AccountId } from '../../contracts/ids.ts';
import { decodeState, emptyState, tableNames } from '../../domain/account-state.ts';
import type { AccountState, CounterBase } from '../../domain/account-state.ts';
import { intervalTables } from '../../domain/helper-tables.ts';
import { javaState } from '../../domain/java-state.ts';
import { keptIntervals } from '../../domain/kept-intervals.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import type { EpochMs } from '../../contracts/time.ts';
import type { HandbackContext } from './hand-back.ts';
import { findProblems, lastJob } from './java-jobs.ts';
import type { Problem } from './java-jobs.ts';
import { readJavaAccounts } from './read-java-accounts.ts';
import type { ReadRows } from './read-java-accounts.ts';

export const handbackDespite = ['late-events', 'incomplete-accounts', 'overlapping-jobs'] as const;

interface HandbackLook {
  /** Windows up to there would be published first; null: all are. */
  readonly waitingUntilMs: EpochMs | null;
  /** Whether the helper tables are yet what a Java server would find. */
  readonly comparesTables: boolean;
}

/** What would make a Java server bill something twice, or not at all; and how much was compared to know. */
export async function handbackProblems(
  context: HandbackContext,
  { waitingUntilMs, comparesTables }: HandbackLook,
): Promise<{ readonly problems: readonly Problem[]; readonly compared: number }> {
  const { work, reading, t, cloudUsageSchema, generation, boundaryMs } = context;
  const problems: Problem[] = [];
  const last = await lastJob(reading, cloudUsageSchema);
  if (last?.boundaryMs !== boundaryMs)
    problems.push({
      name: null,
      what: `the last successful job of usage_job ends at ${last === null ? 'no time' : sqlDateTime(last.boundaryMs - 1)}, the last window that was published at ${sqlDateTime(boundaryMs - 1)} GMT`,
    });
  else
    for (const problem of await findProblems(reading, cloudUsageSchema, last))
      if (problem.name !== 'duplicate-rows' && problem.name !== 'no-event-copies')
        problems.push(problem);
  const late = await work.row(
    `SELECT COUNT(*) AS n, CAST(MIN(event_id) AS CHAR) AS first FROM ${lateEvents(context)} AS late`,
    [generation.id],
  );
  if (Number(late?.['n']) > 0)
    problems.push({
      name: 'late-events',
      what: `${String(late?.['n'])} events of published windows came after their close (from ${String(late?.['first'])} on): a Java server would bill all since then again. Let the next window be published, which corrects them; passed over, they never have an effect`,
    });
  const incomplete = await work.row(
    `SELECT COUNT(incomplete_from_ms) AS n FROM ${t.accountState} WHERE generation = ?`,
    [generation.id],
  );
  if (Number(incomplete?.['n']) > 0)
    problems.push({
      name: 'incomplete-accounts',
      what: `${String(incomplete?.['n'])} accounts wait for a repair (usagestream dead-letters list --reason FOLD_BUG): their usage since then would be missing`,
    });
  const [ends] = await work.rows(
    `SELECT MAX(closed_until_ms) AS ms FROM ${t.progress} WHERE generation = ?`,
    [generation.id],
  );
  if (Number(ends?.['ms']) !== (waitingUntilMs ?? boundaryMs)) {
    const what = `not every partition has closed the same windows: run it again in a moment, with the workers running`;
    return { problems: [...problems, { name: null, what }], compared: 0 };
  }
  if (!comparesTables) return { problems, compared: 0 };
  const { compared, differing } = await compareTables(context);
  if (differing.length > 0)
    problems.push({
      name: null,
      what: `helper tables are not what the states say (--write-tables makes them anew): ${differing.slice(0, 20).join('; ')}`,
    });
  return { problems, compared };
}

/** Late events that no close has taken. */
function lateEvents({ t }: HandbackContext): string {
  const late = t.lateEvent;
  return `(SELECT DISTINCT l.event_id FROM ${late} AS l JOIN ${t.accountState} AS s
      ON s.generation = l.generation AND s.account_id = l.account_id
    JOIN ${t.progress} AS p ON p.generation = l.generation AND p.partition_id = s.partition_id
    WHERE l.generation = ? AND l.feed_offset >= p.closed_offset
      AND l.feed_offset < p.next_offset)`;
}

interface Compared {
  readonly compared: number;
  readonly differing: readonly string[];
}

/** Reads the helper tables as a takeover would, and compares each account's state with the one it has. */
async function compareTables(context: HandbackContext): Promise<Compared> {
  const { work, t, cloudUsageSchema, generation, boundaryMs } = context;
  const { quirks } = generation;
  const differing: string[] = [];
  let compared = 0;
  const seen = new Set<string>();
  const read: ReadRows = (sql, values) => work.rows(sql, values);
  const source = { read, cloudUsageSchema, startMs: boundaryMs, quirks };
  for await (const page of readJavaAccounts(source)) {
    const ids = page.map(({ accountId }) => accountId);
    const rows = await work.rows(
      `SELECT account_id, state FROM ${t.accountState} WHERE generation = ? AND account_id IN (?)`,
      [generation.id, ids],
    );
    const states = new Map(rows.map((row) => [String(row['account_id']), String(row['state'])]));
    const skipped = await skippedRows(context, ids);
    for (const account of page) {
      const text = states.get(account.accountId) ?? '';
      seen.add(account.accountId);
      const ours = text === '' ? emptyState(account.accountId) : decodeState(text);
      const theirs = javaState(account, boundaryMs, quirks).state;
      const mine = linesOf(ours, boundaryMs, quirks, skipped);
      compared += mine.length;
      differing.push(...difference(account.accountId, mine, linesOf(theirs, boundaryMs, quirks)));
    }
  }
  const [missing] = await work.rows(
    `SELECT COUNT(*) AS n FROM ${t.accountState}
     WHERE generation = ? AND state LIKE '%"intervals":{"%' AND account_id NOT IN (?)`,
    [generation.id, ['0', ...seen]],
  );
  if (Number(missing?.['n']) > 0)
    differing.push(`${String(missing?.['n'])} accounts are in no table at all`);
  return { compared, differing };
}

type Skipped = ReadonlySet<string>;

/** Intervals that CloudStack's tables cannot hold, which is noted and known. */
async function skippedRows(
  { work, t, generation }: HandbackContext,
  ids: readonly AccountId[],
): Promise<Skipped> {
  const rows = await work.rows(
    `SELECT table_name, account_id, serial FROM ${t.helperRow}
     WHERE generation = ? AND account_id IN (?) AND helper_id IS NULL`,
    [generation.id, ids],
  );
  return new Set(
    rows.map((row) => [row['table_name'], row['account_id'], row['serial']].map(String).join(' ')),
  );
}

/** What a state says, a line each, without what a helper table does not keep. */
function linesOf(
  state: AccountState,
  startMs: number,
  quirks: HandbackContext['generation']['quirks'],
  skipped: Skipped = new Set(),
): string[] {
  const intervals = keptIntervals(state.intervals, startMs, quirks);
  const rows = tableNames.flatMap((name) => {
    const table = intervalTables[name].name;
    return intervals[name]
      .filter(({ serial }) => !skipped.has(`${table} ${state.accountId} ${serial}`))
      .map((row) => {
        return `${table} ${sorted({ ...row, serial: 0, openedBy: 0, closedBy: 0 })}`;
      });
  });
  const base = (kind: string) => (one: CounterBase) => `${kind} ${sorted(one)}`;
  return [
    ...rows,
    ...state.networkBases.map(base('usage_network')),
    ...state.diskBases.map(base('usage_vm_disk')),
  ];
}

const sorted = (row: object): string =>
  JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)));

function difference(account: string, ours: readonly string[], theirs: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of ours) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of theirs) counts.set(line, (counts.get(line) ?? 0) - 1);
  return [...counts]
    .filter(([, count]) => count !== 0)
    .map(([line, count]) => `account ${account}: ${count > 0 ? 'missing' : 'surplus'} ${line}`);
}
