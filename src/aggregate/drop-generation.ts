import { AppError } from '../platform/errors.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { quoteName } from '../platform/mysql.ts';

/** Rows of one DELETE: its locks and undo log stay small. */
const pageRows = 20_000;

/**
 * Deletes all that belongs to a generation, its own row last: a call that was killed is gone on with by the
 * next. Every table with a column `generation` is asked.
 *
 * @returns rows deleted
 * @throws GENERATION_IN_USE when it is live, or a savepoint or an open request names it
 */
export async function dropGeneration(pool: Pool, schema: string, id: number): Promise<number> {
  const q = (table: string) => quoteName(schema, table);
  await refuseUsed(pool, schema, id);
  // Without its progress it can be cut over to no more, whatever is asked while the rest goes page by page.
  await pool.query(`DELETE FROM ${q('progress')} WHERE generation = ?`, [id]);
  const [tables] = await pool.query<RowDataPacket[]>(
    `SELECT TABLE_NAME AS name FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ? AND COLUMN_NAME = 'generation' AND TABLE_NAME <> 'savepoint'`,
    [schema],
  );
  let deleted = 0;
  for (const { name } of tables as { name: string }[])
    for (;;) {
      const [done] = await pool.query(
        `DELETE FROM ${q(name)} WHERE generation = ? LIMIT ${pageRows}`,
        [id],
      );
      const { affectedRows } = done as { affectedRows: number };
      deleted += affectedRows;
      if (affectedRows < pageRows) break;
    }
  await pool.query(`DELETE FROM ${q('succession')} WHERE superseded_by = ?`, [id]);
  await pool.query(`DELETE FROM ${q('generation')} WHERE id = ?`, [id]);
  return deleted;
}

/** @throws GENERATION_IN_USE when it is live, or a savepoint or an open request names it */
export async function refuseUsed(pool: Pool, schema: string, id: number): Promise<void> {
  const q = (table: string) => quoteName(schema, table);
  const [[use]] = await pool.query<RowDataPacket[]>(
    `SELECT (SELECT state FROM ${q('generation')} WHERE id = ?) = 'live' AS live,
       EXISTS (SELECT 1 FROM ${q('savepoint')} WHERE generation = ?) AS kept,
       EXISTS (SELECT 1 FROM ${q('cutover')} WHERE state = 'requested' AND ? IN (from_generation, to_generation)) AS asked`,
    [id, id, id],
  );
  const uses = ['live', 'kept', 'asked'].filter((name) => Number(use?.[name] ?? 0) === 1);
  if (uses.length > 0) throw new AppError('GENERATION_IN_USE', { generation: id, uses });
}
