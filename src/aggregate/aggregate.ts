import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { EpochMs } from '../contracts/time.ts';
import { defaultCorrections } from '../domain/correction.ts';
import type { CorrectionRules } from '../domain/correction.ts';
import { fold } from '../domain/fold.ts';
import { quirkSet } from '../domain/quirks.ts';
import type { Preset, QuirkSet } from '../domain/quirks.ts';
import { windowOf } from '../domain/window.ts';
import type { WindowSpec } from '../domain/window.ts';
import { defaultAnswerMs } from '../platform/answer-limit.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { checkSchema } from '../platform/migrate.ts';
import { openPool, quoteName } from '../platform/mysql.ts';
import type { MysqlTarget, Pool, RowDataPacket } from '../platform/mysql.ts';
import { usageFeed } from '../../streams/index.ts';
import { ensureGeneration } from './generation.ts';
import type { Generation } from './generation.ts';
import { joinGroup } from './group.ts';
import { followGeneration } from './made-generation.ts';
import { defaultLimits } from './limits.ts';
import type { AggregateProgress } from './partition-worker.ts';
import { refuseDeletedFeed } from './refuse-deleted-feed.ts';
import { resolveRules } from './resolve-rules.ts';
import type { AskedRules } from './resolve-rules.ts';
import { storeFault } from '../platform/store-fault.ts';

export type { AggregateProgress } from './partition-worker.ts';

export interface AggregateOptions extends AskedRules {
  /** Our schema, normally `usage_stream`. */
  readonly schema: string;
  /** Name of the generation, normally `main`. */
  readonly generation: string;
  /** CloudStack's, for where windows of a new generation begin; left out: no usage server has worked. */
  readonly cloudUsageSchema?: string;
  /** Prefix of all topics. */
  readonly prefix: string;
  readonly feedPartitions: number;
  /** Whether what a Java usage server's helper tables need is kept for the sink; default true. */
  readonly helperTables?: boolean;
  /** What corrections may do; default: bill what is missing, however old. */
  readonly corrections?: CorrectionRules;
  readonly preset: Preset;
  readonly quirkOverrides: Partial<QuirkSet>;
  /** Return when every window that ends by then is closed on every partition. */
  readonly untilMs?: EpochMs;
  readonly sessionTimeoutMs?: number;
  /** How often the feed is looked at for what reading does not show, ms; default 10 s. */
  readonly watchMs?: number;
  /** What all partitions of this process may hold of accounts, bytes; default 96 MiB. */
  readonly memoryBytes?: number;
}

export interface AggregateIo {
  readonly log: EventLog;
  readonly store: MysqlTarget;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: AggregateProgress) => void;
  /** Another fold than the domain's, for tests. */
  readonly fold?: typeof fold;
}

/**
 * Runs one worker of the aggregate stage: joins the generation's consumer group, stores the feed's events
 * and folds them into usage rows as windows close. Any number of workers may run.
 *
 * @returns when the signal aborts, or with `untilMs` when all windows up to it are closed.
 * @throws what an operator must mend (`retry: 'never'`), and bugs; the rest is tried again.
 */
export async function runAggregate(options: AggregateOptions, asked: AggregateIo): Promise<void> {
  const io = { ...asked, store: { answerMs: defaultAnswerMs, ...asked.store } };
  const { logger, metrics, signal } = io;
  let delayMs = firstDelayMs;
  while (!signal.aborted) {
    const startedMs = performance.now();
    try {
      return await runOnce(options, io);
    } catch (caught) {
      if (signal.aborted) return;
      const error = storeFault(caught, io.store);
      if (!isAppError(error) || !metrics.faults.mayHeal('aggregate', error)) throw error;
      const { code } = error;
      if (performance.now() - startedMs > calmMs) delayMs = firstDelayMs;
      metrics.retries.inc({ room: 'aggregate', code });
      metrics.faults.note('aggregate', code);
      logger.warn({ code, delayMs, err: error }, 'worker lost its group or store and starts again');
      await setTimeout(delayMs, undefined, { signal }).catch(() => undefined);
      delayMs = Math.min(delayMs * 2, lastDelayMs);
    }
  }
}

const firstDelayMs = 250;
const lastDelayMs = 15_000;
/** A run of this length is not a repeated failure. */
const calmMs = 60_000;

async function runOnce(asked: AggregateOptions, io: AggregateIo): Promise<void> {
  const { schema, feedPartitions } = asked;
  const pool = openPool(io.store, 1);
  try {
    await checkSchema(pool, schema);
    const options = await follow(pool, asked, io.logger);
    const feedTopic = usageFeed.topic(options.prefix);
    await refuseDeletedFeed(pool, options, io.log, feedTopic);
    await io.log.ensureTopics(options.prefix, [usageFeed], feedPartitions);
    const rules = await resolveRules(options, { ...io, ...options, pool, feedTopic });
    if (rules === null) return;
    const generation = await ensureGeneration(pool, {
      ...options,
      ...rules,
      name: options.generation,
      feedTopic,
    });
    await joinGroup(
      {
        group: `${options.prefix}-aggregate-${options.generation}`,
        feedTopic,
        claim: {
          target: io.store,
          schema,
          generation: generation.id,
          madeAt: generation.madeAt,
          owner: `${hostname()}/${process.pid}`,
        },
        feedPartitions,
        watchMs: options.watchMs ?? 10_000,
        rules: {
          ...rules,
          quirks: quirkSet(options.preset, generation.quirkOverrides),
          fold: io.fold ?? fold,
          helperTables: options.helperTables ?? true,
          corrections: options.corrections ?? defaultCorrections,
        },
        limits: { ...defaultLimits, memoryBytes: options.memoryBytes ?? defaultLimits.memoryBytes },
        sessionTimeoutMs: options.sessionTimeoutMs,
      },
      io,
      (signal) =>
        Promise.race([
          untilClosed(pool, { ...options, ...rules }, generation, signal),
          untilSuperseded(pool, asked, generation, signal),
        ]),
    );
  } finally {
    await pool.end();
  }
}

/** A generation that a cutover made live folds as it was made: what is asked for is of the one before it. */
async function follow(
  pool: Pool,
  asked: AggregateOptions,
  logger: Logger,
): Promise<AggregateOptions> {
  const made = await followGeneration(pool, asked.schema, asked.generation);
  if (made === null || made.name === asked.generation) return asked;
  const { name, window, closeDelayMs, settings, preset, quirkOverrides, corrections } = made;
  logger.info({ asked: asked.generation, generation: name }, 'worker followed a cutover');
  const rules = { window, closeDelayMs, settings, preset, quirkOverrides, corrections };
  return { ...asked, generation: name, ...rules };
}

const supersededPollMs = 1000;

/** @throws GENERATION_CHANGED once a cutover or rollback has put another generation in this one's place. */
async function untilSuperseded(
  pool: Pool,
  { schema, generation: asked }: AggregateOptions,
  { id, name }: Generation,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await setTimeout(supersededPollMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const now = await followGeneration(pool, schema, asked);
    if (now !== null && now.id !== id)
      throw new AppError('GENERATION_CHANGED', { from: name, to: now.name });
  }
}

const pollMs = 250;

/** Resolves when every partition, whoever owns it, has closed all windows that end by `untilMs`. */
async function untilClosed(
  pool: Pool,
  options: AggregateOptions & { readonly window: WindowSpec },
  generation: Generation,
  signal: AbortSignal,
): Promise<void> {
  const { untilMs, schema, window, feedPartitions } = options;
  const closedMs = untilMs === undefined ? Infinity : windowOf(untilMs, window).startMs;
  while (!signal.aborted) {
    if (untilMs === undefined) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      return;
    }
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS count FROM ${quoteName(schema, 'progress')}
       WHERE generation = ? AND closed_until_ms >= ?`,
      [generation.id, closedMs],
    );
    if (Number(rows[0]?.['count']) >= feedPartitions) return;
    await setTimeout(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
