import { hostname } from 'node:os';
import type { AccountId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { fold } from '../domain/fold.ts';
import { quirkSet } from '../domain/quirks.ts';
import { windowOf } from '../domain/window.ts';
import { runTogether } from '../platform/lifecycle.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import { refuseLostOffset } from './check-feed.ts';
import { gather } from './gather-batches.ts';
import { defaultLimits } from './limits.ts';
import type { MadeGeneration } from './made-generation.ts';
import { PartitionWorker } from './partition-worker.ts';
import type { Throttle } from './throttle.ts';

/** What a rebuild did since it began, over all partitions. */
export interface RebuildProgress {
  /** Feed records read, of those that were there when it began. */
  readonly records: number;
  readonly total: number;
  readonly events: number;
  readonly rows: number;
  /** End of the newest window that every partition has closed; null before. */
  readonly closedUntilMs: EpochMs | null;
}

export interface RebuildOptions {
  readonly schema: string;
  readonly generation: MadeGeneration;
  /** Ends with the windows that end by then; else at the end that the feed has when it begins. */
  readonly untilMs?: EpochMs | undefined;
  /** Where each partition ends, instead of at its end; for a replay. */
  readonly untilOffsets?: ReadonlyMap<number, number>;
  /** Only these accounts: to find out what a rule does to them. */
  readonly accounts?: ReadonlySet<AccountId>;
  readonly memoryBytes?: number;
  readonly throttle?: Throttle | undefined;
  readonly helperTables?: boolean;
}

export interface RebuildIo {
  readonly log: EventLog;
  readonly store: MysqlTarget;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/**
 * Folds a feed into a generation that exists, all its partitions side by side and without a consumer
 * group, from where it stands to the end that the feed had when it began. A batch is many records: states
 * are written once a batch, so by time and not by window. Killed at any instant, the next call goes on
 * from the last commit; a worker or another rebuild of the same generation fences this one.
 *
 * @returns what it did; less than the total when the signal aborted
 * @throws LOG_OFFSET_MISSING, SINK_FENCED, STORE_*, LOG_*
 */
export async function rebuild(options: RebuildOptions, io: RebuildIo): Promise<RebuildProgress> {
  const { generation, untilMs } = options;
  const { feedTopic, feedPartitions } = generation;
  const held = new Map((await io.log.offsets(feedTopic)).map((one) => [one.partition, one]));
  if (held.size !== feedPartitions)
    throw new AppError('GENERATION_MISMATCH', {
      generation: generation.name,
      partitions: feedPartitions,
      feedHas: held.size,
    });
  const counts = new Counts(io);
  const closedMs = untilMs === undefined ? Infinity : windowOf(untilMs, generation.window).startMs;
  const jobs = Array.from(
    { length: feedPartitions },
    (_, partition) => async (stop: AbortSignal) => {
      const offsets = held.get(partition) ?? { earliest: 0, next: 0 };
      const end = options.untilOffsets?.get(partition) ?? offsets.next;
      await foldPartition(
        options,
        { ...io, signal: stop },
        { partition, ...offsets, end, closedMs, counts },
      );
    },
  );
  await runTogether(io.signal, jobs);
  return counts.now();
}

interface Part {
  readonly partition: number;
  readonly earliest: number;
  readonly next: number;
  readonly end: number;
  /** Ends once this is closed. */
  readonly closedMs: EpochMs;
  readonly counts: Counts;
}

/** Once more from where the tables stand, when they went back meanwhile. */
async function foldPartition(options: RebuildOptions, io: RebuildIo, part: Part): Promise<void> {
  for (;;) {
    try {
      return await foldOnce(options, io, part);
    } catch (error) {
      if (!isAppError(error, 'STORE_WENT_BACK')) throw error;
      io.metrics.retries.inc({ room: 'aggregate', code: error.code });
      io.logger.warn({ err: error, code: error.code }, 'store went back and was read anew');
    }
  }
}

async function foldOnce(options: RebuildOptions, io: RebuildIo, part: Part): Promise<void> {
  const { generation, schema, accounts, throttle } = options;
  const { partition, earliest, next, end, closedMs, counts } = part;
  const { signal, logger, metrics } = io;
  let closedUntilMs: EpochMs | null = null;
  const worker = await PartitionWorker.open({
    claim: {
      target: io.store,
      schema,
      generation: generation.id,
      madeAt: generation.madeAt,
      partition,
      owner: `${hostname()}/${process.pid}`,
    },
    rules: {
      ...generation,
      quirks: quirkSet(generation.preset, generation.quirkOverrides),
      fold,
      helperTables: options.helperTables ?? true,
    },
    limits: {
      ...defaultLimits,
      memoryBytes: (options.memoryBytes ?? rebuildMemoryBytes) / generation.feedPartitions,
    },
    logger,
    metrics,
    onProgress: (done) => {
      closedUntilMs = done.closedUntilMs;
      counts.add(partition, done);
    },
  });
  try {
    const from = worker.nextOffset;
    refuseLostOffset(generation.feedTopic, { partition, nextOffset: from, earliest, next });
    counts.begin(partition, from, end, worker.closedUntilMs);
    if ((worker.closedUntilMs ?? -Infinity) >= closedMs || from >= end) return;
    const read = io.log.read({ topic: generation.feedTopic, partition, from, until: end, signal });
    // A throttled fold commits several times a second.
    const most = throttle
      ? Math.ceil(throttle.perSecond / generation.feedPartitions / 2)
      : Infinity;
    const limits = { bytes: batchBytes, most };
    const control = { stale: () => signal.aborted, heartbeat: () => Promise.resolve() };
    for await (const batch of gather(read, limits, accounts)) {
      await throttle?.take(batch.records.length, signal);
      if (signal.aborted) return;
      await worker.handle(batch, control);
      if ((closedUntilMs ?? -Infinity) >= closedMs) return;
    }
  } finally {
    await worker.close();
  }
}

/** Of feed records in one transaction of a partition; all partitions hold two such at most. */
const batchBytes = 8 * 1024 * 1024;
const rebuildMemoryBytes = 160 * 1024 * 1024;

class Counts {
  readonly #io: RebuildIo;
  readonly #parts = new Map<
    number,
    { at: number; done: number; total: number; closed: EpochMs | null }
  >();
  #events = 0;
  #rows = 0;

  constructor(io: RebuildIo) {
    this.#io = io;
  }

  begin(partition: number, from: number, end: number, closed: EpochMs | null): void {
    this.#parts.set(partition, { at: from, done: 0, total: Math.max(0, end - from), closed });
  }

  add(
    partition: number,
    done: { nextOffset: number; events: number; rows: number; closedUntilMs: EpochMs | null },
  ): void {
    const part = this.#parts.get(partition);
    if (!part) return;
    part.done += done.nextOffset - part.at;
    part.at = done.nextOffset;
    part.closed = done.closedUntilMs;
    this.#events += done.events;
    this.#rows += done.rows;
    this.#io.onProgress?.(this.now());
  }

  now(): RebuildProgress {
    const parts = [...this.#parts.values()];
    const closed = parts.map((part) => part.closed);
    const known = closed.filter((ms) => ms !== null);
    return {
      records: parts.reduce((sum, part) => sum + part.done, 0),
      total: parts.reduce((sum, part) => sum + part.total, 0),
      events: this.#events,
      rows: this.#rows,
      closedUntilMs: known.length === closed.length && known.length > 0 ? Math.min(...known) : null,
    };
  }
}
