import type { Stream } from '../../contracts/stream.ts';
import type { TopicFacts } from './log.ts';

/** What makes a topic unusable for its stream, in words; empty when it fits. */
export function topicProblems(
  stream: Stream,
  facts: TopicFacts,
  feedPartitions: number,
): readonly string[] {
  const wanted = stream.partitions === 'feed' ? feedPartitions : stream.partitions;
  const problems: string[] = [];
  if (facts.partitions !== wanted)
    problems.push(
      `has ${facts.partitions} partitions, ${wanted} are asked for: the partitions of a feed never change`,
    );
  if (facts.cleanup !== stream.cleanup)
    problems.push(`has cleanup.policy ${facts.cleanup} instead of ${stream.cleanup}`);
  return problems;
}

/** Says when records are dropped that the stream keeps; null when they are not. */
export function retentionProblem(stream: Stream, facts: TopicFacts): string | null {
  // A compacted topic keeps the newest of each key whatever its retention.
  if (stream.cleanup !== 'delete' || facts.retentionMs === stream.retentionMs) return null;
  return `keeps records for ${facts.retentionMs} ms instead of ${stream.retentionMs}: set retention.ms=-1`;
}
