import { sqlDateTime } from '../../contracts/time.ts';
import type { FeedRecord } from '../../contracts/feed-record.ts';
import { decodeState, tableNames } from '../../domain/account-state.ts';
import type { AccountState, CounterBase } from '../../domain/account-state.ts';
import { spanColumns } from '../../domain/helper-interval.ts';
import { accountCopy, counterCopy, helperChanges } from '../../domain/helper-row.ts';
import type { HelperChange } from '../../domain/helper-row.ts';
import { growthTables, intervalTables } from '../../domain/helper-tables.ts';
import { keptIntervals } from '../../domain/kept-intervals.ts';
import { quoteName } from '../../platform/mysql.ts';
import { copyAllEvents } from '../../sink/copy-events.ts';
import { writeHelpers } from '../../sink/write-helpers.ts';
import type { HandbackContext } from './hand-back.ts';

const accountsAtOnce = 100;
const growthNames: readonly string[] = Object.values(growthTables).map(({ name }) => name);
const counterKinds = ['user_statistics', 'vm_disk_statistics', 'bucket_statistics'];

function copyOf(record: FeedRecord): HelperChange {
  if (record.kind === 'account') return accountCopy(record.account);
  if (record.kind === 'counter') return counterCopy(record.counter);
  throw new Error(`a fact of kind ${record.kind} has no copy`);
}

/**
 * Makes the tables of a Java usage server from the states, in the caller's transaction: open rows that stand
 * there go, those that the states have come; copies of accounts, statistics and events are completed. For a
 * generation that was published without them. Closed rows of the past are left as they are; nobody reads them.
 */
export async function writeTables(context: HandbackContext): Promise<void> {
  const { work, t, cloudUsageSchema, generation, boundaryMs } = context;
  const last = await work.row(
    `SELECT window_start_ms FROM ${t.publishedWindow} WHERE generation = ? AND window_end_ms = ?`,
    [generation.id, boundaryMs],
  );
  const window = { startMs: Number(last?.['window_start_ms']), endMs: boundaryMs };
  const helpers = { work, t, cloudUsageSchema, generation: generation.id };
  await work.run(`DELETE FROM ${t.helperChange} WHERE generation = ? AND window_start_ms <= ?`, [
    generation.id,
    window.startMs,
  ]);
  await work.run(`DELETE FROM ${t.helperRow} WHERE generation = ?`, [generation.id]);
  for (const name of tableNames) {
    const end = quoteName(spanColumns(name)[1]);
    const table = quoteName(cloudUsageSchema, intervalTables[name].name);
    await work.run(`DELETE FROM ${table} WHERE ${end} IS NULL OR ${end} >= ?`, [
      sqlDateTime(boundaryMs),
    ]);
  }
  for (let after = '0'; ;) {
    const rows = await work.rows(
      `SELECT account_id, state FROM ${t.accountState} WHERE generation = ?
       AND account_id > CAST(? AS UNSIGNED) ORDER BY account_id LIMIT ${accountsAtOnce}`,
      [generation.id, after],
    );
    if (rows.length === 0) break;
    after = String(rows.at(-1)?.['account_id']);
    for (const row of rows) {
      const text = String(row['state']);
      const account = String(row['account_id']);
      const changes = text === '' ? [] : ofState(context, decodeState(text), window);
      const [totals, intervals] = [true, false].map((isTotals) =>
        changes.filter(({ table }) => growthNames.includes(table) === isTotals),
      );
      await putChanges(context, window.startMs, account, intervals ?? []);
      await putTotals(context, account, totals ?? []);
    }
    const facts = await work.rows(
      `SELECT account_id, body FROM ${t.fact} WHERE generation = ? AND present = 1
         AND account_id IN (?) AND kind IN ('account', ?)`,
      [generation.id, rows.map((row) => row['account_id']), counterKinds],
    );
    const byAccount = Map.groupBy(facts, (row) => String(row['account_id']));
    for (const [account, own] of byAccount)
      await putChanges(
        context,
        window.startMs,
        account,
        own.map((row) => copyOf(JSON.parse(String(row['body'])) as FeedRecord)),
      );
  }
  await writeHelpers(helpers, window);
  await copyAllEvents(helpers, boundaryMs);
}

function ofState(
  { generation, boundaryMs }: HandbackContext,
  state: AccountState,
  window: { readonly startMs: number; readonly endMs: number },
): HelperChange[] {
  const grown = (base: CounterBase) => ({
    ...base,
    label: '',
    totals: base.totals.map(BigInt),
    deltas: base.totals.map(() => 0n),
    isReset: false,
  });
  const growth = {
    network: state.networkBases.map(grown),
    disk: state.diskBases.map(grown),
  };
  const changed = keptIntervals(state.intervals, boundaryMs, generation.quirks);
  return helperChanges({ changed, growth }, state.domainId, window);
}

/** A row of totals that stands is of the window, with what was added in it: it stays. */
async function putTotals(
  { work, cloudUsageSchema }: HandbackContext,
  account: string,
  changes: readonly HelperChange[],
): Promise<void> {
  for (const { name, columns } of Object.values(growthTables)) {
    const rows = changes.filter(({ table }) => table === name);
    if (rows.length === 0) continue;
    const list = columns.map((column) => quoteName(column.name)).join(', ');
    await work.run(
      `INSERT IGNORE INTO ${quoteName(cloudUsageSchema, name)} (account_id, ${list}) VALUES ?`,
      [rows.map(({ cells }) => [account, ...cells])],
    );
  }
}

async function putChanges(
  { work, t, generation }: HandbackContext,
  startMs: number,
  account: string,
  changes: readonly HelperChange[],
): Promise<void> {
  for (let at = 0; at < changes.length; at += 500) {
    const rows = changes
      .slice(at, at + 500)
      .map(({ table, serial, eventId, cells }) => [
        ...[generation.id, startMs, table, account, serial, eventId ?? 0, JSON.stringify(cells)],
      ]);
    await work.run(
      `INSERT INTO ${t.helperChange}
         (generation, window_start_ms, table_name, account_id, serial, event_id, body) VALUES ?`,
      [rows],
    );
  }
}
