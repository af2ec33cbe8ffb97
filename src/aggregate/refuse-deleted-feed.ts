import { AppError } from '../platform/errors.ts';
import type { EventLog } from '../platform/log/log.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';

/**
 * A feed that was read before and is gone must not be made again empty: it would be read from a place
 * that means nothing in it.
 * @throws LOG_TOPIC_MISSING
 */
export async function refuseDeletedFeed(
  pool: Pool,
  { schema, generation }: { readonly schema: string; readonly generation: string },
  log: EventLog,
  topic: string,
): Promise<void> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT MAX(p.next_offset) AS next FROM ${quoteName(schema, 'progress')} p
     JOIN ${quoteName(schema, 'generation')} g ON g.id = p.generation
     WHERE g.name = ? AND g.feed_topic = ?`,
    [generation, topic],
  );
  const nextOffset = Number(rows[0]?.['next'] ?? 0);
  if (nextOffset === 0 || (await log.offsets(topic)).length > 0) return;
  throw new AppError('LOG_TOPIC_MISSING', { topic, generation, nextOffset, reason: 'deleted' });
}
