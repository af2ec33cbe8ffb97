import { helperTables } from '../domain/helper-tables.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Pair } from './apply-difference.ts';
import type { PublishContext } from './publish-window.ts';
import { writeHelpers } from './write-helpers.ts';

/**
 * Makes the tables that a Java usage server goes on from those of the other generation. The intervals of
 * the one that was live become changes of it again, so that a rollback can write them; then the changes
 * of the other, which its folds kept since its begin or since it was live, are written.
 */
export async function switchHelpers(context: PublishContext, { from, to }: Pair): Promise<void> {
  const { work, t, cloudUsageSchema } = context;
  const last = await work.row(
    `SELECT window_start_ms, window_end_ms FROM ${t.publishedWindow}
     WHERE generation = ? ORDER BY window_start_ms DESC LIMIT 1`,
    [from],
  );
  if (!last) return;
  const window = { startMs: Number(last['window_start_ms']), endMs: Number(last['window_end_ms']) };
  for (const table of helperTables) {
    if (table.kind !== 'interval') continue;
    const target = quoteName(cloudUsageSchema, table.name);
    const cells = table.columns.map(({ name }) => `${target}.${quoteName(name)}`).join(', ');
    const mine = `${t.helperRow} h JOIN ${target}
         ON ${target}.id = h.helper_id AND ${target}.account_id = h.account_id
       WHERE h.generation = ? AND h.table_name = ?`;
    await work.run(
      `INSERT INTO ${t.helperChange}
         (generation, window_start_ms, table_name, account_id, serial, event_id, body)
       SELECT h.generation, ?, h.table_name, h.account_id, h.serial, 0, JSON_ARRAY(${cells}) FROM ${mine}
       ON DUPLICATE KEY UPDATE body = VALUES(body)`,
      [window.startMs, from, table.name],
    );
    await work.run(`DELETE ${target} FROM ${mine}`, [from, table.name]);
    await work.run(`DELETE FROM ${t.helperRow} WHERE generation = ? AND table_name = ?`, [
      from,
      table.name,
    ]);
  }
  await writeHelpers({ work, t, cloudUsageSchema, generation: to }, window);
}
