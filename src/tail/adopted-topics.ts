import { AppError } from '../platform/errors.ts';
import { pause } from '../platform/lifecycle.ts';
import type { EventLog, PartitionOffsets } from '../platform/log/log.ts';
import type { AdoptedPlace } from './position.ts';

/** What was not there at the first look is by the second, if it is there at all, ms. */
const secondLookMs = 3000;

/**
 * How far Debezium's topics reach, each partition of each topic; a topic that is not there has none.
 *
 * @param read How far they have been read: what was read from has to be there.
 * @throws ADOPT_GAP when it is not, at two looks.
 */
export async function reachOf(
  log: EventLog,
  topics: readonly string[],
  read: AdoptedPlace['offsets'],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly PartitionOffsets[]>> {
  const first = await look(log, topics);
  if (goneOf(first, read) === null) return first;
  await pause(secondLookMs, signal);
  const second = await look(log, topics);
  const gone = goneOf(second, read);
  if (gone !== null && !signal.aborted) throw new AppError('ADOPT_GAP', { ...gone });
  return second;
}

/** All at once: to learn that some are not there may take a while. */
async function look(log: EventLog, topics: readonly string[]) {
  return new Map(
    await Promise.all(topics.map(async (topic) => [topic, await log.offsets(topic)] as const)),
  );
}

function goneOf(
  found: ReadonlyMap<string, readonly PartitionOffsets[]>,
  read: AdoptedPlace['offsets'],
): { topic: string; partition: number; needed: number; reason: string } | null {
  for (const [topic, offsets] of found) {
    const there = new Set(offsets.map(({ partition }) => partition));
    for (const [partition, needed] of (read[topic] ?? []).entries())
      if (!there.has(partition)) return { topic, partition, needed, reason: 'deleted' };
  }
  return null;
}
