import { requireFollowed } from '../../aggregate/made-generation.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { explainRow } from '../explain/explain-row.ts';
import { explanationText } from '../explain/explanation-text.ts';
import { findRows } from '../explain/find-rows.ts';
import type { DemoNames } from './look.ts';

/** The way of one published row back to the binlog, in words: row, intervals, events, offsets, positions. */
export async function storyOfOneRow(pool: Pool, names: DemoNames): Promise<string[]> {
  // A running VM that started and stopped more than once within the window tells the most; in the newest
  // window, whose events came by the binlog and not by the first snapshot.
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT CAST(cloud_usage_id AS CHAR) AS id FROM ${quoteName(names.schema, 'record')}
     WHERE usage_type = 1 AND cloud_usage_id IS NOT NULL
     ORDER BY window_start_ms DESC, JSON_LENGTH(lineage) DESC, cloud_usage_id LIMIT 1`,
  );
  const [row] = rows;
  if (!row) return [];
  const generation = await requireFollowed(pool, names.schema, 'main');
  const store = { ...names, pool, generation };
  const { rows: records } = await findRows(store, { id: String(row['id']) });
  const [found] = records;
  return found ? explanationText(await explainRow(store, found, null)) : [];
}
