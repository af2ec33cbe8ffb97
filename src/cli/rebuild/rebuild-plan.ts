import { readGeneration, readLive } from '../../aggregate/made-generation.ts';
import type { OpenGeneration } from '../../aggregate/open-generation.ts';
import type { EventLog } from '../../platform/log/log.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { usageFeed } from '../../../streams/index.ts';

/** What a rebuild would do, for `--dry-run`. */
export async function describePlan(io: { pool: Pool; log: EventLog; asked: OpenGeneration }) {
  const { pool, log, asked } = io;
  const { schema, name } = asked;
  const made = await readGeneration(pool, schema, name);
  const base = made ?? (await readLive(pool, schema));
  const feedTopic = base?.feedTopic ?? usageFeed.topic(asked.prefix);
  const ends = await log.offsets(feedTopic);
  const at = new Map<number, number>();
  if (made) {
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT partition_id, next_offset FROM ${quoteName(schema, 'progress')} WHERE generation = ?`,
      [made.id],
    );
    for (const row of rows) at.set(Number(row['partition_id']), Number(row['next_offset']));
  }
  const records = ends.reduce(
    (sum, { partition, earliest, next }) =>
      sum + Math.max(0, next - Math.max(earliest, at.get(partition) ?? 0)),
    0,
  );
  const preset = asked.preset ?? base?.preset ?? 'correct';
  const what = made ? 'goes on' : 'would be made';
  return {
    generation: name,
    exists: made !== null,
    feedTopic,
    partitions: ends.length,
    records,
    preset,
    text: `${name} ${what}: preset ${preset}, ${records} records of ${ends.length} partitions of ${feedTopic} to fold`,
  };
}
