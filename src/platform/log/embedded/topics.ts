import type { Stream } from '../../../contracts/stream.ts';
import { AppError } from '../../errors.ts';
import type { PartitionOffsets, TopicFacts } from '../log.ts';
import { topicProblems } from '../topic-problems.ts';
import type { LogFile, Row } from './file.ts';

export interface Topic {
  readonly id: number;
  readonly partitions: number;
  readonly compacted: boolean;
}

export function findTopic(file: LogFile, name: string): Topic | null {
  const row = file.one('SELECT id, partitions, cleanup FROM topic WHERE name = ?', name);
  return row === undefined
    ? null
    : {
        id: Number(row['id']),
        partitions: Number(row['partitions']),
        compacted: row['cleanup'] === 'compact',
      };
}

/** @throws LOG_TOPIC_MISMATCH for another partition count or cleanup. */
export function ensureTopics(
  file: LogFile,
  prefix: string,
  streams: readonly Stream[],
  feedPartitions: number,
): void {
  file.write(() => {
    for (const stream of streams) {
      const topic = stream.topic(prefix);
      const [facts] = describeTopics(file, [topic]);
      if (facts) {
        const [problem] = topicProblems(stream, facts, feedPartitions);
        if (problem !== undefined) throw new AppError('LOG_TOPIC_MISMATCH', { ...facts, problem });
        continue;
      }
      const partitions = stream.partitions === 'feed' ? feedPartitions : stream.partitions;
      const kept = stream.retentionMs === 'forever' ? null : stream.retentionMs;
      const { lastId } = file.run(
        'INSERT INTO topic (name, partitions, cleanup, retention_ms) VALUES (?, ?, ?, ?)',
        ...[topic, partitions, stream.cleanup, kept],
      );
      for (let partition = 0; partition < partitions; partition++)
        file.run('INSERT INTO part (topic, partition, next) VALUES (?, ?, 0)', lastId, partition);
    }
  });
}

export function describeTopics(file: LogFile, topics: readonly string[]): TopicFacts[] {
  return topics.flatMap((topic) => {
    const row = file.one(
      'SELECT partitions, cleanup, retention_ms FROM topic WHERE name = ?',
      topic,
    );
    return row === undefined ? [] : [factsOf(topic, row)];
  });
}

const factsOf = (topic: string, row: Row): TopicFacts => ({
  topic,
  partitions: Number(row['partitions']),
  cleanup: String(row['cleanup']),
  retentionMs: row['retention_ms'] === null ? 'forever' : Number(row['retention_ms']),
});

export function deleteTopics(file: LogFile, topics: readonly string[]): void {
  for (const name of topics)
    file.write(() => {
      const topic = findTopic(file, name);
      if (!topic) return;
      for (const table of ['record', 'newest', 'part', 'open_part', 'holding', 'member'])
        file.run(`DELETE FROM ${table} WHERE topic = ?`, topic.id);
      file.run('DELETE FROM topic WHERE id = ?', topic.id);
    });
}

/** Nothing is ever cut off at the start: what is compacted away leaves a gap. */
export function readOffsets(file: LogFile, name: string): PartitionOffsets[] {
  const topic = findTopic(file, name);
  if (!topic) return [];
  return file
    .all('SELECT partition, next FROM part WHERE topic = ? ORDER BY partition', topic.id)
    .map((row) => ({
      partition: Number(row['partition']),
      earliest: 0,
      next: Number(row['next']),
    }));
}

/** Next offset of one partition; null when there is none. */
export function nextOffset(file: LogFile, topic: number, partition: number): number | null {
  const sql = 'SELECT next FROM part WHERE topic = ? AND partition = ?';
  const row = file.one(sql, topic, partition);
  return row === undefined ? null : Number(row['next']);
}
