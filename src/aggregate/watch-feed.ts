import { AppError, isAppError } from '../platform/errors.ts';
import { pause } from '../platform/lifecycle.ts';
import type { EventLog, PartitionOffsets } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';

export interface FeedWatch {
  readonly feedTopic: string;
  readonly feedPartitions: number;
  /** How often to look, ms. */
  readonly watchMs: number;
}

interface WatchIo {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A transaction that is open for so long is not one of a tailer at work, ms. */
const hangingMs = 60_000;

/**
 * Looks at the feed now and then, until the signal aborts: what happens to it while nothing is read is
 * not noticed otherwise. Shows transactions of others that hold its end back.
 *
 * @param nextOffsets Of the partitions held now.
 * @throws LOG_TOPIC_MISSING, LOG_TOPIC_MISMATCH (repartitioned), LOG_OFFSET_MISSING (retention).
 */
export async function watchFeed(
  watch: FeedWatch,
  { log, logger, metrics }: WatchIo,
  nextOffsets: () => ReadonlyMap<number, number>,
  signal: AbortSignal,
): Promise<void> {
  const topic = watch.feedTopic;
  let missing = 0;
  const told = new Set<string>();
  for (;;) {
    await pause(watch.watchMs, signal);
    if (signal.aborted) return;
    try {
      const held = nextOffsets();
      const offsets = await log.offsets(topic);
      // Twice: a broker that just started may not know it.
      missing = offsets.length === 0 ? missing + 1 : 0;
      if (missing > 1) throw new AppError('LOG_TOPIC_MISSING', { topic, reason: 'deleted' });
      if (missing === 0) requireFeed(watch, offsets, held);
      await noteOpen(topic, { log, logger, metrics }, told);
    } catch (error) {
      // One that cannot be asked for now is the membership's affair.
      if (isAppError(error) && error.retry === 'never' && error.code.startsWith('LOG_'))
        throw error;
      logger.debug({ topic, err: error }, 'feed was not looked at');
    }
  }
}

/**
 * @param nextOffsets Where each partition goes on.
 * @throws LOG_TOPIC_MISMATCH for another number of partitions; LOG_OFFSET_MISSING when the feed does not
 *   hold what comes next.
 */
export function requireFeed(
  { feedTopic: topic, feedPartitions }: Pick<FeedWatch, 'feedTopic' | 'feedPartitions'>,
  offsets: readonly PartitionOffsets[],
  nextOffsets: ReadonlyMap<number, number>,
): void {
  if (offsets.length > 0 && offsets.length !== feedPartitions)
    throw new AppError('LOG_TOPIC_MISMATCH', {
      topic,
      expected: { partitions: feedPartitions },
      found: { partitions: offsets.length },
      reason: 'the partitions of a feed never change: accounts would be on two of them',
    });
  const kept = new Map(offsets.map((one) => [one.partition, one]));
  for (const [partition, nextOffset] of nextOffsets) {
    const { earliest, next } = kept.get(partition) ?? { earliest: 0, next: 0 };
    if (nextOffset < earliest || nextOffset > next)
      throw new AppError('LOG_OFFSET_MISSING', { topic, partition, nextOffset, earliest, next });
  }
}

/** Sets the metric of every partition, and says once of each transaction that it hangs. */
async function noteOpen(
  topic: string,
  { log, logger, metrics }: WatchIo,
  told: Set<string>,
): Promise<void> {
  const open = (await log.openTransactions?.(topic)) ?? [];
  metrics.feedHeldRecords.reset();
  for (const { partition, held } of open)
    metrics.feedHeldRecords.set({ partition: String(partition) }, held);
  const names = new Set<string>();
  for (const one of open) {
    const name = `${one.producerId}/${one.partition}/${one.startOffset}`;
    names.add(name);
    if (Date.now() - one.lastMs < hangingMs || told.has(name)) continue;
    told.add(name);
    logger.warn({ topic, ...one }, 'an open transaction holds back the feed');
  }
  for (const name of told) if (!names.has(name)) told.delete(name);
}
