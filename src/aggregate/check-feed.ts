import type { EventLog } from '../platform/log/log.ts';
import { AppError } from '../platform/errors.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { quoteName } from '../platform/mysql.ts';

/** Where a fold of a feed would go on, and how much it would read. */
export interface FeedPlan {
  readonly partitions: number;
  readonly records: number;
}

/** Where the partitions stand that have begun: those of a generation, or of a savepoint. */
export async function nextOffsets(
  pool: Pool,
  schema: string,
  of: { readonly generation: number } | { readonly savepoint: number },
): Promise<ReadonlyMap<number, number>> {
  const [table, column, id] =
    'generation' in of
      ? (['progress', 'generation', of.generation] as const)
      : (['savepoint_progress', 'savepoint', of.savepoint] as const);
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT partition_id, next_offset FROM ${quoteName(schema, table)} WHERE ${column} = ?`,
    [id],
  );
  return new Map(rows.map((row) => [Number(row['partition_id']), Number(row['next_offset'])]));
}

/**
 * Looks whether a feed still has what a fold from these offsets would read.
 * @throws LOG_OFFSET_MISSING, as the fold itself
 */
export async function checkFeed(
  log: EventLog,
  topic: string,
  from: ReadonlyMap<number, number>,
): Promise<FeedPlan> {
  const held = await log.offsets(topic);
  let records = 0;
  for (const { partition, earliest, next } of held) {
    const nextOffset = from.get(partition) ?? 0;
    refuseLostOffset(topic, { partition, nextOffset, earliest, next });
    records += next - nextOffset;
  }
  return { partitions: held.length, records };
}

/** @throws LOG_OFFSET_MISSING when a fold cannot go on at an offset: the log has not got it (any more) */
export function refuseLostOffset(
  topic: string,
  place: {
    readonly partition: number;
    readonly nextOffset: number;
    readonly earliest: number;
    readonly next: number;
  },
): void {
  if (place.nextOffset >= place.earliest && place.nextOffset <= place.next) return;
  throw new AppError('LOG_OFFSET_MISSING', { topic, ...place });
}
