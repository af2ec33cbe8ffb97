import { placement, positions, usageFeed } from '../../streams/index.ts';
import { AppError } from '../platform/errors.ts';
import type { EventLog, PartitionOffsets } from '../platform/log/log.ts';

/**
 * Refuses to go on where a topic that the feed consists of was deleted: the position would lead into a feed
 * that lacks everything before it. Positions, placements and feed records are written together, so what one
 * of them holds tells of the others; offsets never go back to 0. Whether one was made anew shows best to who
 * has read what the others hold (own-placements.ts).
 *
 * @param wait Between two looks: they are read one beside the other, and a leader that has just begun writes to
 *   all of them meanwhile.
 * @throws LOG_TOPIC_MISSING
 */
export async function refuseLostTopics(
  log: EventLog,
  prefix: string,
  wait: () => Promise<void>,
): Promise<void> {
  if ((await lostTopic(log, prefix)) === null) return;
  await wait();
  const lost = await lostTopic(log, prefix);
  if (lost !== null) throw new AppError('LOG_TOPIC_MISSING', lost);
}

async function lostTopic(
  log: EventLog,
  prefix: string,
): Promise<{ readonly topic: string; readonly reason: string } | null> {
  const names = [positions, placement, usageFeed].map((stream) => stream.topic(prefix));
  const [position = [], places = [], feed = []] = await Promise.all(
    names.map((topic) => log.offsets(topic)),
  );
  const lost = (stream: { topic(prefix: string): string }, reason: string) => ({
    topic: stream.topic(prefix),
    reason,
  });
  if (isWritten(position)) {
    if (places.length === 0) return lost(placement, 'deleted');
    if (feed.length === 0) return lost(usageFeed, 'deleted');
  } else if (isWritten(feed)) return lost(positions, 'deleted, or made anew');
  return null;
}

const isWritten = (offsets: readonly PartitionOffsets[]) => offsets.some(({ next }) => next > 0);

/**
 * For a feed that has to hold records: accounts were placed in it.
 * @throws LOG_TOPIC_MISSING when it never had any
 */
export async function refuseNewFeed(log: EventLog, prefix: string): Promise<void> {
  const topic = usageFeed.topic(prefix);
  const offsets = await log.offsets(topic);
  // One that is not there at all the next write will not find either.
  if (offsets.length > 0 && !isWritten(offsets))
    throw new AppError('LOG_TOPIC_MISSING', { topic, reason: 'made anew' });
}

/**
 * After a write that failed: tells when a topic is no longer there.
 * @throws LOG_TOPIC_MISSING
 */
export async function refuseDeletedTopics(log: EventLog, topics: readonly string[]): Promise<void> {
  for (const topic of topics)
    if ((await log.offsets(topic)).length === 0)
      throw new AppError('LOG_TOPIC_MISSING', { topic, reason: 'deleted' });
}
