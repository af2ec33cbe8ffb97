import type { WindowSpec } from '../domain/window.ts';
import { AppError } from '../platform/errors.ts';
import type { Session } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/** The generation that is published: what the sink needs of its row. */
export interface Generation {
  readonly id: number;
  readonly name: string;
  readonly feedTopic: string;
  readonly feedPartitions: number;
  readonly spec: WindowSpec;
}

/**
 * Reads a generation by name; null while nobody has made it (the aggregate stage does).
 * @throws GENERATION_MISMATCH when its feed has other partitions, or it is no longer in use
 */
export async function loadGeneration(
  session: Session,
  t: StoreTables,
  wanted: { name: string; feedPartitions: number },
): Promise<Generation | null> {
  const row = await session.row(
    `SELECT id, state, feed_topic, feed_partitions, range_minutes, time_zone
     FROM ${t.generation} WHERE name = ?`,
    [wanted.name],
  );
  if (!row) return null;
  const feedPartitions = Number(row['feed_partitions']);
  if (feedPartitions !== wanted.feedPartitions || row['state'] === 'retired')
    throw new AppError('GENERATION_MISMATCH', {
      generation: wanted.name,
      state: row['state'],
      partitions: feedPartitions,
      wantedPartitions: wanted.feedPartitions,
    });
  return {
    id: Number(row['id']),
    name: wanted.name,
    feedTopic: String(row['feed_topic']),
    feedPartitions,
    spec: { rangeMinutes: Number(row['range_minutes']), timeZone: String(row['time_zone']) },
  };
}
