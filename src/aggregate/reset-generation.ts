import { inTransaction } from '../platform/in-transaction.ts';
import type { Pool } from '../platform/mysql.ts';
import { quoteName } from '../platform/mysql.ts';
import { beginAgain } from './base-state.ts';

/**
 * Makes a generation fold its feed again from the first record, in one transaction. Running workers are
 * fenced and start over. Events, rows and dead letters stay: the same feed must give the same again, and
 * what stands is not written twice. Facts and details go, as they know only their newest offset: one that
 * comes twice would not be known before its second time.
 */
export async function resetGeneration(
  pool: Pool,
  schema: string,
  generation: number,
): Promise<void> {
  await inTransaction(pool, async (connection) => {
    await connection.query(
      `UPDATE ${quoteName(schema, 'progress')}
       SET epoch = epoch + 1, next_offset = 0, watermark_ms = NULL, opened_ms = NULL,
         closed_until_ms = NULL, closed_offset = 0
       WHERE generation = ?`,
      [generation],
    );
    for (const table of ['account_state', 'fact', 'event_detail'])
      await connection.query(`DELETE FROM ${quoteName(schema, table)} WHERE generation = ?`, [
        generation,
      ]);
    await beginAgain(connection, schema, generation);
  });
}
