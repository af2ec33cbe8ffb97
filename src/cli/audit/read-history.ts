import { u64 } from '../../contracts/ids.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import { jobHistory } from '../../domain/audit-jobs.ts';
import type { FinishedJob, JobHistory } from '../../domain/audit-jobs.ts';
import type { StuckEvent } from '../../domain/audit-poison.ts';
import { RunFinder, RunIds } from '../../domain/audit-runs.ts';
import type { UniqueKey } from '../../domain/audit-helpers.ts';
import { quoteName } from '../../platform/mysql.ts';
import { sinkHostPrefix } from '../../sink/sink-options.ts';
import type { Reader, TableRow } from './reader.ts';

export const text = (cell: TableRow[string] | undefined): string => String(cell ?? '');

/** What usage_job says, and the last second that was billed. */
export interface History extends JobHistory {
  /** End of the newest successful job, exclusive; 0 when there is none. */
  readonly billedToMs: number;
  /** Jobs of our own sink: their windows may hold corrections, and follow other rules. */
  readonly ownJobs: ReadonlySet<string>;
  /** A usage server that is alive now: host and heartbeat. */
  readonly alive: string | null;
}

export async function readHistory(reader: Reader, schema: string): Promise<History> {
  const rows = await reader.rows(
    `SELECT id, host, start_millis, end_millis, success FROM ${quoteName(schema, 'usage_job')}
     WHERE end_millis > 0 ORDER BY id`,
  );
  const jobs = rows.map((row): FinishedJob => ({
    id: text(row['id']),
    startMs: Number(row['start_millis']),
    endMs: Number(row['end_millis']),
    isSuccess: Number(row['success']) === 1,
  }));
  const history = jobHistory(jobs);
  const [server] = await reader.rows(
    `SELECT host, heartbeat FROM ${quoteName(schema, 'usage_job')}
     WHERE end_millis = 0 AND success IS NULL
       AND heartbeat > UTC_TIMESTAMP() - INTERVAL 5 MINUTE ORDER BY id DESC LIMIT 1`,
  );
  const own = rows.filter(({ host }) => text(host).startsWith(sinkHostPrefix));
  return {
    ...history,
    billedToMs: history.billing.at(-1)?.span.endMs ?? 0,
    ownJobs: new Set(own.map((row) => text(row['id']))),
    alive:
      server === undefined ? null : `${text(server['host'])}, ${text(server['heartbeat'])} GMT`,
  };
}

/** Finds the runs in the order of ids; reads the table only when something was run again. */
export async function readRuns(
  reader: Reader,
  schema: string,
  { reruns }: History,
): Promise<{ readonly runs: RunIds; readonly areTold: boolean }> {
  if (reruns.length === 0) return { runs: new RunIds(reruns, null), areTold: true };
  const finder = new RunFinder();
  const rows = reader.stream(
    `SELECT r.id, r.account_id, r.start_date, r.end_date, a.removed IS NOT NULL AS removed
     FROM ${quoteName(schema, 'cloud_usage')} AS r
       LEFT JOIN ${quoteName(schema, 'account')} AS a ON a.id = r.account_id
     WHERE r.usage_type NOT IN (25, 27) ORDER BY r.id`,
  );
  for await (const row of rows)
    finder.push({
      id: u64(text(row['id'])),
      accountId: u64(text(row['account_id'])),
      isRemoved: Number(row['removed']) === 1,
      startDate: text(row['start_date']),
      endDate: text(row['end_date']),
    });
  const firstIds = finder.firstIds(reruns);
  return { runs: new RunIds(reruns, firstIds), areTold: firstIds !== null };
}

const stuckOf = (row: TableRow): StuckEvent => ({
  id: u64(text(row['id'])),
  type: text(row['type']),
  accountId: text(row['account_id']),
  created: text(row['created']),
});

export interface Stuck {
  readonly count: number;
  readonly first: StuckEvent | null;
  readonly last: StuckEvent | null;
  readonly byType: readonly { readonly type: string; readonly events: number }[];
}

/** Events that are not processed although their time is billed. */
export async function readStuck(reader: Reader, schema: string, toMs: number): Promise<Stuck> {
  const [where, values] = stuckWhere(toMs);
  const from = `FROM ${quoteName(schema, 'usage_event')} WHERE ${where}`;
  const one = async (order: string) => {
    const [row] = await reader.rows(
      `SELECT id, type, account_id, created ${from} ORDER BY created ${order}, id ${order} LIMIT 1`,
      values,
    );
    return row === undefined ? null : stuckOf(row);
  };
  const types = await reader.rows(
    `SELECT type, COUNT(*) AS events ${from} GROUP BY type ORDER BY events DESC, type`,
    values,
  );
  const byType = types.map((row) => ({ type: text(row['type']), events: Number(row['events']) }));
  return {
    count: byType.reduce((sum, { events }) => sum + events, 0),
    first: await one('ASC'),
    last: await one('DESC'),
    byType,
  };
}

/** Which of some events are stuck. */
export async function readStuckAmong(
  reader: Reader,
  schema: string,
  toMs: number,
  ids: readonly string[],
): Promise<StuckEvent[]> {
  if (ids.length === 0) return [];
  const [where, values] = stuckWhere(toMs);
  const rows = await reader.rows(
    `SELECT id, type, account_id, created FROM ${quoteName(schema, 'usage_event')}
     WHERE id IN (?) AND ${where}`,
    [ids, ...values],
  );
  return rows.map(stuckOf);
}

/** A condition over usage_event. @param toMs End of what was billed, exclusive */
export const stuckWhere = (toMs: number): readonly [sql: string, values: readonly unknown[]] => [
  'processed = 0 AND created <= ?',
  [sqlDateTime(Math.max(0, toMs - 1))],
];

/** Unique keys of the helper tables, but for their surrogate ids. */
export async function readUniqueKeys(
  reader: Reader,
  schema: string,
): Promise<ReadonlyMap<string, readonly UniqueKey[]>> {
  const rows = await reader.rows(
    `SELECT TABLE_NAME AS tab, INDEX_NAME AS name, COLUMN_NAME AS col
     FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = ? AND NON_UNIQUE = 0 AND INDEX_NAME <> 'PRIMARY'
     ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
    [schema],
  );
  const tables = new Map<string, UniqueKey[]>();
  for (const [tab, columns] of Map.groupBy(rows, (row) => text(row['tab']))) {
    const keys = Map.groupBy(columns, (row) => text(row['name']));
    tables.set(
      tab,
      Array.from(keys, ([name, of]) => ({ name, columns: of.map((row) => text(row['col'])) })),
    );
  }
  return tables;
}
