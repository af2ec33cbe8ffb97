import { AppError } from '../../platform/errors.ts';
import { topicProblems } from '../../platform/log/topic-problems.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { quoteName } from '../../platform/mysql.ts';
import { countCopied, feedPartitionsOf, topicsOf } from './copy-topics.ts';
import type { CopyOptions } from './copy-topics.ts';
import { refuseMoved } from './move-progress.ts';
import type { Move } from './move-progress.ts';

type Logs = Pick<CopyOptions, 'from' | 'to' | 'prefix' | 'cloudSchema'>;

/**
 * Looks only: what a copy would refuse before it has written anything.
 * @param planned What an earlier copy was to set; null: there was none.
 * @throws LOG_TOPIC_MISMATCH
 */
export async function checkCopy(
  logs: Logs,
  { pool, schema }: { readonly pool: Pool; readonly schema: string },
  planned: readonly Move[] | null,
): Promise<void> {
  const { from, to, prefix, cloudSchema } = logs;
  const streams = await topicsOf(from, prefix, cloudSchema);
  const feedPartitions = await feedPartitionsOf(from, prefix, streams);
  const there = await to.describeTopics(streams.map((stream) => stream.topic(prefix)));
  const problems = streams.flatMap((stream) => {
    const topic = stream.topic(prefix);
    const facts = there.find((one) => one.topic === topic);
    return facts ? topicProblems(stream, facts, feedPartitions).map((p) => `${topic} ${p}`) : [];
  });
  if (problems.length > 0) throw new AppError('LOG_TOPIC_MISMATCH', { problems });
  const copied = streams.filter((stream) =>
    there.some(({ topic }) => topic === stream.topic(prefix)),
  );
  await countCopied(logs, copied);
  for (const move of planned ?? []) {
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT p.next_offset FROM ${quoteName(schema, 'progress')} p
       JOIN ${quoteName(schema, 'generation')} g ON g.id = p.generation
       WHERE g.name = ? AND p.partition_id = ?`,
      [move.generation, move.partition],
    );
    if (rows[0]) refuseMoved(move, Number(rows[0]['next_offset']));
  }
}
