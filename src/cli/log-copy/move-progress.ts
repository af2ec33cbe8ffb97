import { z } from 'zod';
import { positions } from '../../../streams/positions.ts';
import { usageFeed } from '../../../streams/usage-feed.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { AppError } from '../../platform/errors.ts';
import type { EventLog } from '../../platform/log/log.ts';
import { sendTogether } from '../../platform/log/send-together.ts';
import { inTransaction } from '../../platform/in-transaction.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { committed } from './copy-topics.ts';

const Plan = z.object({
  v: z.literal(1),
  moves: z.array(
    z.object({
      generation: z.string(),
      partition: z.int().nonnegative(),
      from: z.int().nonnegative(),
      to: z.int().nonnegative(),
    }),
  ),
});
export type Move = z.infer<typeof Plan>['moves'][number];

interface MoveOptions {
  readonly pool: Pool;
  readonly schema: string;
  readonly prefix: string;
  readonly from: EventLog;
  readonly to: EventLog;
}

/**
 * Sets the next offset of every partition of the generations of a feed to where the same record is in
 * the copy. The offset of the last close stays as it is.
 *
 * What is to be set is written to the copy first, so that a second call, after a crash or for nothing,
 * never takes an offset of the copy for one of the original.
 *
 * @param planned What an earlier copy was to set, by {@link plannedBefore}.
 * @throws LOG_TOPIC_MISMATCH when a stage went on with the original after that.
 */
export async function moveProgress(
  options: MoveOptions,
  planned: readonly Move[] | null,
): Promise<readonly Move[]> {
  const moves = planned ?? (await plan(options));
  crashPoint('log-copy.moves-planned');
  const { pool, schema } = options;
  await inTransaction(pool, async (connection) => {
    for (const { generation, partition, from, to } of moves) {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT p.generation, p.next_offset FROM ${quoteName(schema, 'progress')} p
         JOIN ${quoteName(schema, 'generation')} g ON g.id = p.generation
         WHERE g.name = ? AND p.partition_id = ? FOR UPDATE`,
        [generation, partition],
      );
      const [row] = rows;
      if (!row) continue;
      const next = Number(row['next_offset']);
      if (next === to) continue;
      refuseMoved({ generation, partition, from, to }, next);
      // The epoch too: a worker that still runs on the old log can commit nothing more.
      await connection.query(
        `UPDATE ${quoteName(schema, 'progress')} SET next_offset = ?, epoch = epoch + 1
         WHERE generation = ? AND partition_id = ?`,
        [to, Number(row['generation']), partition],
      );
    }
    crashPoint('log-copy.before-commit');
  });
  crashPoint('log-copy.after-commit');
  return moves;
}

/** @throws LOG_TOPIC_MISMATCH when a partition stands neither where it was nor where it is to be */
export function refuseMoved({ generation, partition, from, to }: Move, next: number): void {
  if (next === from || next === to) return;
  throw new AppError('LOG_TOPIC_MISMATCH', {
    ...{ generation, partition, next, from, to },
    reason:
      'a worker went on after the copy: if on the copy, all is done; if on the old log, delete the topics of the copy and copy again',
  });
}

const keyOf = (prefix: string) => `${prefix}/log-copy`;

/** What an earlier copy was to set; null: there was none. */
export async function plannedBefore({
  to,
  prefix,
}: Pick<MoveOptions, 'to' | 'prefix'>): Promise<readonly Move[] | null> {
  let found: readonly Move[] | null = null;
  for await (const { records } of committed(to, positions.topic(prefix), 0))
    for (const { key, value } of records)
      if (value !== null && key?.toString() === keyOf(prefix))
        found = Plan.parse(JSON.parse(value.toString())).moves;
  return found;
}

async function plan(options: MoveOptions): Promise<readonly Move[]> {
  const { pool, schema, prefix, from, to } = options;
  const topic = usageFeed.topic(prefix);
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT g.name, p.partition_id, p.next_offset, p.closed_offset FROM ${quoteName(schema, 'progress')} p
     JOIN ${quoteName(schema, 'generation')} g ON g.id = p.generation WHERE g.feed_topic = ?
     ORDER BY g.id, p.partition_id`,
    [topic],
  );
  const moves: Move[] = [];
  for (const row of rows) {
    const partition = Number(row['partition_id']);
    const next = Number(row['next_offset']);
    const generation = String(row['name']);
    const move = { from: next, to: await sameRecord(from, to, topic, partition, next) };
    // Offsets tell what came before what: those of the copy must be the later ones.
    if (move.to < Math.max(next, Number(row['closed_offset'])))
      throw new AppError('LOG_TOPIC_MISMATCH', {
        ...{ generation, partition, ...move },
        reason: 'offsets of the copy are lower: keep it, and `rebuild` a new generation from it',
      });
    moves.push({ generation, partition, ...move });
  }
  await using writer = await to.writer({ transactionalId: `${prefix}-copy`, topicPrefix: prefix });
  const value = JSON.stringify({ v: 1, moves });
  const key = keyOf(prefix);
  await sendTogether(writer, [{ topic: positions.topic(prefix), partition: 0, key, value }]);
  return moves;
}

/** The offset in the copy of the first record at or after an offset; the end where there is none. */
async function sameRecord(
  from: EventLog,
  to: EventLog,
  topic: string,
  partition: number,
  offset: number,
): Promise<number> {
  let before = 0;
  for await (const { records } of committed(from, topic, partition, offset))
    before += records.length;
  let seen = 0;
  for await (const { records } of committed(to, topic, partition)) {
    if (seen + records.length > before) return records[before - seen]!.offset;
    seen += records.length;
  }
  return (await to.offsets(topic)).find((one) => one.partition === partition)?.next ?? 0;
}
