import type { Window } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { CopyColumns } from './cloud-usage-columns.ts';
import { lastIdSql } from './lease.ts';
import type { Session } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/** Rows of one window by usage type, and how many of them have no row in cloud_usage yet. */
export interface WindowRows {
  readonly byType: readonly { readonly usageType: number; readonly rows: number }[];
  readonly rows: number;
  readonly pending: number;
  /** Highest id that a row of the window has already; "0" when none. */
  readonly highestId: string;
  /** Rows with a character that cloud_usage cannot hold. */
  readonly reduced: number;
}

/**
 * Counts a window's rows.
 *
 * @param isReduced Which rows need {@link CopyColumns.reducedSources}, as SQL.
 * @throws GENERATION_MISMATCH when rows of it end elsewhere: they were folded with another range or zone
 */
export async function countRows(
  work: Session,
  t: StoreTables,
  generation: number,
  window: Window,
  isReduced: string,
): Promise<WindowRows> {
  const types = await work.rows(
    `SELECT usage_type, COUNT(*) AS n, COUNT(*) - COUNT(cloud_usage_id) AS pending,
       COALESCE(MAX(cloud_usage_id), 0) AS highest_id, SUM(window_end_ms <> ?) AS strays,
       SUM(${isReduced}) AS reduced
     FROM ${t.record} WHERE generation = ? AND window_start_ms = ?
     GROUP BY usage_type ORDER BY usage_type`,
    [window.endMs, generation, window.startMs],
  );
  const sum = (column: string) => types.reduce((total, type) => total + Number(type[column]), 0);
  if (sum('strays') > 0)
    throw new AppError('GENERATION_MISMATCH', { window, rowsThatEndElsewhere: sum('strays') });
  const ids = types.map((type) => BigInt(String(type['highest_id'])));
  return {
    byType: types.map((type) => ({
      usageType: Number(type['usage_type']),
      rows: Number(type['n']),
    })),
    rows: sum('n'),
    pending: sum('pending'),
    reduced: sum('reduced'),
    highestId: String(ids.reduce((a, b) => (a > b ? a : b), 0n)),
  };
}

/**
 * Copies the pending rows of a window into cloud_usage, inside the caller's transaction and inside the
 * server: no row passes through this process. Ids ascend by (account, usage type, natural key) from above
 * every id that was ever given out, because quota's tables refer to them.
 *
 * @returns the last id given out
 * @throws SINK_COPY_MISMATCH when the counts differ from the pending rows: nothing must be committed
 */
export async function copyRows(
  work: Session,
  t: StoreTables,
  columns: CopyColumns,
  cloudUsageSchema: string,
  slice: { generation: number; window: Window; rows: WindowRows },
): Promise<string> {
  const { generation, window, rows } = slice;
  const base = await highestKnownId(work, t, cloudUsageSchema, rows.highestId);
  const last = String(BigInt(base) + BigInt(rows.pending));
  const numbered = await work.run(
    `UPDATE (SELECT account_id, record_id,
         ROW_NUMBER() OVER (ORDER BY account_id, usage_type, natural_key, record_id) AS n
       FROM ${t.record}
       WHERE generation = ? AND window_start_ms = ? AND cloud_usage_id IS NULL) AS pending
     STRAIGHT_JOIN ${t.record} AS r
       ON r.generation = ? AND r.window_start_ms = ?
       AND r.account_id = pending.account_id AND r.record_id = pending.record_id
     SET r.cloud_usage_id = CAST(? AS UNSIGNED) + pending.n`,
    [generation, window.startMs, generation, window.startMs, base],
  );
  const inserted = await work.run(
    `INSERT INTO ${t.cloudUsage} (id, quota_calculated, ${columns.targets})
     SELECT cloud_usage_id, 0, ${rows.reduced > 0 ? columns.reducedSources : columns.sources}
     FROM ${t.record}
     WHERE generation = ? AND window_start_ms = ?
       AND cloud_usage_id > CAST(? AS UNSIGNED) AND cloud_usage_id <= CAST(? AS UNSIGNED)
     ORDER BY cloud_usage_id`,
    [generation, window.startMs, base, last],
  );
  if (numbered.matched !== rows.pending || inserted.matched !== rows.pending)
    throw new AppError('SINK_COPY_MISMATCH', {
      window,
      pending: rows.pending,
      numbered: numbered.matched,
      inserted: inserted.matched,
    });
  return last;
}

/**
 * Above this every id is free: the newest row, what the table's counter has given out (rows deleted
 * since), and what we remember (a counter can be reset by TRUNCATE or a restored table).
 */
export async function highestKnownId(
  work: Session,
  t: StoreTables,
  schema: string,
  highestOfWindow: string,
): Promise<string> {
  const row = await work.row(
    `SELECT GREATEST(
       COALESCE((SELECT MAX(id) FROM ${t.cloudUsage}), 0),
       COALESCE((SELECT MAX(AUTO_INCREMENT) FROM information_schema.TABLES
                 WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'cloud_usage'), 1) - 1,
       ${lastIdSql(t)},
       CAST(? AS UNSIGNED)) AS id`,
    [schema, highestOfWindow],
  );
  return String(row?.['id'] ?? 0);
}
