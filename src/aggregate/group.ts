import type { EventLog, GroupHandler } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { ClaimOptions } from './claim.ts';
import type { FoldRules } from './close-windows.ts';
import type { Limits } from './limits.ts';
import { PartitionWorker } from './partition-worker.ts';
import type { AggregateProgress } from './partition-worker.ts';
import { requireFeed, watchFeed } from './watch-feed.ts';
import type { FeedWatch } from './watch-feed.ts';

export interface GroupOptions extends FeedWatch {
  readonly group: string;
  readonly claim: Omit<ClaimOptions, 'epoch' | 'partition'>;
  readonly rules: FoldRules;
  /** Its memory is for all partitions together. */
  readonly limits: Limits;
  readonly sessionTimeoutMs: number | undefined;
}

interface GroupIo {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: AggregateProgress) => void;
}

/** Partitions whose batches are in hand at the same time: one is parsed while the server works on others. */
const concurrency = 4;

/**
 * One membership of the group: works on the partitions it is given until the signal aborts, `finished`
 * resolves, or something fails; then leaves.
 *
 * @throws the failure of a partition (the member ends with it) or of the membership.
 */
export async function joinGroup(
  options: GroupOptions,
  io: GroupIo,
  finished: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { metrics } = io;
  const workers = new Map<number, PartitionWorker>();
  const leaving = new AbortController();
  const signal = AbortSignal.any([io.signal, leaving.signal]);
  const member = await io.log.join({
    group: options.group,
    topic: options.feedTopic,
    concurrency: Math.min(concurrency, options.feedPartitions),
    onMembership(fault) {
      if (!fault) return metrics.faults.end('aggregate');
      metrics.retries.inc({ room: 'aggregate', code: fault.code });
      metrics.faults.note('aggregate', fault.code);
    },
    handler: handlerOf(options, io, workers, signal),
    ...(options.sessionTimeoutMs === undefined
      ? {}
      : { sessionTimeoutMs: options.sessionTimeoutMs }),
  });
  try {
    const nextOffsets = () =>
      new Map([...workers].map(([partition, worker]) => [partition, worker.nextOffset]));
    const watched = watchFeed(options, io, nextOffsets, signal);
    const ended = finished(signal);
    await Promise.race([member.done, ended, watched.then(() => ended)]);
  } finally {
    leaving.abort();
    await closeAll(workers);
    await member[Symbol.asyncDispose]();
    await closeAll(workers);
  }
}

function handlerOf(
  options: GroupOptions,
  io: GroupIo,
  workers: Map<number, PartitionWorker>,
  signal: AbortSignal,
): GroupHandler {
  return {
    async assigned(partitions) {
      await closeSome(workers, partitions);
      if (partitions.some((partition) => partition >= options.feedPartitions))
        requireFeed(options, await io.log.offsets(options.feedTopic), new Map());
      const owned = workers.size + partitions.length;
      const opened = await Promise.allSettled(
        partitions.map((partition) => openWorker(options, io, partition, owned)),
      );
      const starts = new Map<number, number>();
      for (const one of opened) {
        if (one.status === 'rejected') continue;
        workers.set(one.value.partition, one.value);
        starts.set(one.value.partition, one.value.nextOffset);
      }
      // It took long, and we left meanwhile.
      if (signal.aborted) await closeSome(workers, partitions);
      for (const one of opened) if (one.status === 'rejected') throw one.reason;
      requireFeed(options, await io.log.offsets(options.feedTopic), starts);
      io.metrics.faults.clear('aggregate');
      return starts;
    },
    async batch(batch, control) {
      await workers.get(batch.partition)?.handle(batch, control);
    },
    revoked: (partitions) => closeSome(workers, partitions),
  };
}

const openWorker = (options: GroupOptions, io: GroupIo, partition: number, owned: number) =>
  PartitionWorker.open({
    claim: { ...options.claim, partition },
    rules: options.rules,
    limits: { ...options.limits, memoryBytes: options.limits.memoryBytes / owned },
    logger: io.logger,
    metrics: io.metrics,
    onProgress: io.onProgress ?? (() => undefined),
  });

async function closeSome(
  workers: Map<number, PartitionWorker>,
  partitions: readonly number[],
): Promise<void> {
  const open = partitions.flatMap((partition) => workers.get(partition) ?? []);
  for (const partition of partitions) workers.delete(partition);
  await Promise.all(open.map((worker) => worker.close()));
}

const closeAll = (workers: Map<number, PartitionWorker>) => closeSome(workers, [...workers.keys()]);
