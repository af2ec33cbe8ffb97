import { storedWindow } from '../domain/stored-window.ts';
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
 * Reads a generation by name, or what a cutover put in its place; null while nobody has made it (the
 * aggregate stage does).
 *
 * @param exactly That one, whatever has taken its place.
 * @throws GENERATION_MISMATCH when its feed has other partitions
 */
export async function loadGeneration(
  session: Session,
  t: StoreTables,
  wanted: { name: string; feedPartitions: number },
  exactly = false,
): Promise<Generation | null> {
  const select = `SELECT g.id, g.name, g.state, g.feed_topic, g.feed_partitions, g.range_minutes,
       g.time_zone, g.settings, s.superseded_by
     FROM ${t.generation} g LEFT JOIN ${t.succession} s ON s.generation = g.id`;
  let row = await session.row(`${select} WHERE g.name = ?`, [wanted.name]);
  for (let hops = 0; !exactly && row && row['superseded_by'] !== null && hops < 100; hops++)
    row = await session.row(`${select} WHERE g.id = ?`, [row['superseded_by']]);
  if (!row) return null;
  const feedPartitions = Number(row['feed_partitions']);
  if (feedPartitions !== wanted.feedPartitions)
    throw new AppError('GENERATION_MISMATCH', {
      generation: wanted.name,
      state: row['state'],
      partitions: feedPartitions,
      wantedPartitions: wanted.feedPartitions,
    });
  return {
    id: Number(row['id']),
    name: String(row['name']),
    feedTopic: String(row['feed_topic']),
    feedPartitions,
    spec: storedWindow({
      rangeMinutes: Number(row['range_minutes']),
      timeZone: String(row['time_zone']),
      settings: String(row['settings']),
    }),
  };
}
