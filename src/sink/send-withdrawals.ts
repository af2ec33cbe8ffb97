import { sendTogether } from '../platform/log/send-together.ts';
import { usageRecords } from '../../streams/index.ts';
import { sameKey } from './cutover-sql.ts';
import type { SendContext } from './send-window.ts';
import type { SqlRow } from './session.ts';

const pageRows = 4000;

/**
 * Sends a tombstone for each record of a window that a former generation published and this one has not.
 *
 * @returns tombstones sent, or null when the signal aborted half-way: they have to be sent again
 */
export async function sendWithdrawals(
  { session, t, generation, prefix, writer, signal }: SendContext,
  former: number,
  startMs: number,
): Promise<number | null> {
  let after: SqlRow | undefined;
  for (let sent = 0; ;) {
    if (signal.aborted) return null;
    const more = after ? 'AND (o.account_id, o.record_id) > (?, ?)' : '';
    const page = await session.rows(
      `SELECT o.account_id, o.record_id, o.partition_id FROM ${t.record} o
       LEFT JOIN ${sameKey(t, 'n', 'o')}
       WHERE o.generation = ? AND o.window_start_ms = ? AND n.record_id IS NULL ${more}
       ORDER BY o.account_id, o.record_id LIMIT ${pageRows}`,
      [generation.id, former, startMs, ...(after ? [after['account_id'], after['record_id']] : [])],
    );
    if (page.length === 0) return sent;
    await sendTogether(
      writer,
      page.map((row) => ({
        topic: usageRecords.topic(prefix),
        partition: Number(row['partition_id']),
        key: Buffer.isBuffer(row['record_id']) ? row['record_id'].toString('hex') : '',
        value: null,
      })),
    );
    sent += page.length;
    after = page.at(-1);
    if (page.length < pageRows) return sent;
  }
}
