import { placement, positions, usageFeed } from '../../streams/index.ts';
import { AppError } from '../platform/errors.ts';
import type { EventLog } from '../platform/log/log.ts';

/**
 * Refuses to go on where a topic that the feed consists of was deleted, or deleted and made anew: the
 * position would lead into a feed that lacks everything before it. Positions, placements and feed records
 * are written together, so what one of them holds tells of the others; offsets never go back to 0.
 *
 * @throws LOG_TOPIC_MISSING
 */
export async function refuseLostTopics(log: EventLog, prefix: string): Promise<void> {
  const names = [positions, placement, usageFeed].map((stream) => stream.topic(prefix));
  const [position = [], places = [], feed = []] = await Promise.all(
    names.map((topic) => log.offsets(topic)),
  );
  const lost = (stream: { topic(prefix: string): string }, reason: string) =>
    new AppError('LOG_TOPIC_MISSING', { topic: stream.topic(prefix), reason });
  const isWritten = (offsets: typeof feed) => offsets.some(({ next }) => next > 0);
  if (isWritten(position)) {
    if (places.length === 0) throw lost(placement, 'deleted');
    if (feed.length === 0) throw lost(usageFeed, 'deleted');
  } else if (isWritten(feed)) throw lost(positions, 'deleted, or made anew');
  if (isWritten(places) && !isWritten(feed)) throw lost(usageFeed, 'made anew');
}

/**
 * After a write that failed: tells when a topic is no longer there.
 * @param wait Between two looks: a broker that just started may not know all topics.
 * @throws LOG_TOPIC_MISSING
 */
export async function refuseDeletedTopics(
  log: EventLog,
  topics: readonly string[],
  wait: () => Promise<void>,
): Promise<void> {
  const gone = async () => {
    for (const topic of topics) if ((await log.offsets(topic)).length === 0) return topic;
    return null;
  };
  if ((await gone()) === null) return;
  await wait();
  const topic = await gone();
  if (topic !== null) throw new AppError('LOG_TOPIC_MISSING', { topic, reason: 'deleted' });
}
