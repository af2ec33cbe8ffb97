import { crashPoint } from '../platform/crash-points.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import { pause } from '../platform/lifecycle.ts';
import type { Clock } from '../platform/clock.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { IdContest } from './id-contest.ts';
import { Leadership } from './leadership.ts';
import { refuseDeletedTopics, refuseLostTopics } from './lost-topics.ts';
import { runSession } from './session.ts';
import type { TailIo } from './session.ts';
import { sameServerId } from './source-faults.ts';
import { withDefaults } from './tail-options.ts';
import type {
  StreamSettings,
  TailOptions,
  TailProgress,
  TailResult,
  TailSettings,
} from './tail-options.ts';
import { withinWrite } from './within-write.ts';
import { streamsOf } from './written-streams.ts';

export type { TailOptions, TailProgress, TailResult } from './tail-options.ts';

export interface TailerIo {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TailProgress) => void;
}

const firstPauseMs = 200;
const longestPauseMs = 15_000;
/** What a leader that has just begun writes is in all topics by then. */
const begunMs = 3000;
/** How long a stop, or the end of a turn, may take before what hangs is left behind. */
const stopMs = 4500;

/**
 * Follows the source and writes its changes to the log, as the leader or as a stand-by that waits for its
 * turn: until the signal aborts, or until the end when there is one.
 *
 * Source and log that cannot be reached are tried again for ever, with growing pauses; after any fault
 * everything in memory is dropped and reading starts again from the last committed place.
 *
 * @throws AppError whose retry is `never`: an operator must act; facts name the statement that helps.
 *   Anything else that is thrown is a bug.
 */
export async function runTail(options: TailOptions, io: TailerIo): Promise<TailResult> {
  const settings = withDefaults(options);
  return runLed(settings, io, (watched, turn) => runSession(settings, watched, turn));
}

/** Our id as a reader, where the source is a server. */
type LedSettings = StreamSettings & Partial<Pick<TailSettings, 'serverId'>>;

/** The same for any source: `session` is one turn as the leader. */
export async function runLed(
  settings: LedSettings,
  io: TailerIo,
  session: (io: TailIo, turn: AbortSignal) => Promise<'until' | 'stopped'>,
): Promise<TailResult> {
  const { signal, onProgress = () => {} } = io;
  const tail = { ...io, onProgress };
  const retry = new Retry(settings, tail, signal);
  while (!signal.aborted) {
    try {
      await refuseLostTopics(io.log, settings.prefix, () => pause(begunMs, signal));
      await ensureTopics(settings, tail);
      crashPoint('tail.topics-made');
      await using leadership = await Leadership.join({
        log: io.log,
        prefix: settings.prefix,
        logger: io.logger,
        sessionTimeoutMs: settings.sessionTimeoutMs,
        onFault: ({ code }) => {
          io.metrics.retries.inc({ room: 'tail', code });
          io.metrics.faults.note('tail', code);
        },
      });
      const reached = await lead(settings, tail, signal, leadership, retry, session);
      if (reached) return { reason: 'until' };
    } catch (error) {
      if (signal.aborted) break;
      await retry.after(error);
    }
  }
  return { reason: 'stopped' };
}

/** Works whenever it is our turn. @returns true at the end of an `until` run. @throws what only rejoining can heal. */
async function lead(
  settings: StreamSettings,
  io: TailIo,
  signal: AbortSignal,
  leadership: Leadership,
  retry: Retry,
  runTurn: (io: TailIo, turn: AbortSignal) => Promise<'until' | 'stopped'>,
): Promise<boolean> {
  for (;;) {
    io.metrics.tailLeader.set(0);
    if (signal.aborted) return false;
    io.onProgress({ phase: 'standby' });
    const seat = await leadership.seat(signal, (isMember) => {
      io.metrics.tailLag.forget();
      if (isMember) io.metrics.faults.end('tail');
    });
    if (!seat) return false;
    io.logger.info({ prefix: settings.prefix }, 'tail lead taken');
    io.metrics.tailLeader.set(1);
    const turn = AbortSignal.any([signal, seat.lost]);
    try {
      const session = runTurn(retry.watched(), turn);
      if ((await leavingBehind(session, turn)) === 'until') return true;
    } catch (error) {
      if (signal.aborted) return false;
      // Another writer has our id though the seat looks ours: only the group can tell who is right.
      if (isAppError(error, 'LOG_FENCED')) throw error;
      if (isAppError(error, 'LOG_WRITE_FAILED')) {
        io.metrics.tailReplacedWriters.inc();
        await refuseDeleted(settings, io);
      }
      if (!seat.lost.aborted) await retry.after(error);
    } finally {
      io.metrics.tailLeader.set(0);
    }
  }
}

const ensureTopics = (settings: StreamSettings, { log }: TailIo): Promise<void> =>
  log.ensureTopics(settings.prefix, streamsOf(settings), settings.feedPartitions);

// A log that cannot be asked is another fault, which the next try meets.
async function refuseDeleted(settings: StreamSettings, { log }: TailIo): Promise<void> {
  const topics = streamsOf(settings).map((stream) => stream.topic(settings.prefix));
  try {
    await refuseDeletedTopics(log, topics);
  } catch (error) {
    if (isAppError(error, 'LOG_TOPIC_MISSING')) throw error;
  }
}

// A session that hangs on a dead connection holds up neither a stop nor the next turn: it can commit nothing,
// as its writer is fenced off by the next one.
async function leavingBehind<T>(session: Promise<T>, signal: AbortSignal): Promise<T | 'stopped'> {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const late = stopped.then(() =>
    withinWrite(stopMs, session, 'stop').catch(() => 'stopped' as const),
  );
  return Promise.race([session, late]);
}

/** Says whether a fault is tried again, waits longer each time, and starts anew once there was progress. */
class Retry {
  readonly #settings: LedSettings;
  readonly #io: TailIo;
  readonly #signal: AbortSignal;
  #pauseMs = firstPauseMs;
  #worked = false;
  readonly #contest = new IdContest();

  constructor(settings: LedSettings, io: TailIo, signal: AbortSignal) {
    this.#settings = settings;
    this.#io = io;
    this.#signal = signal;
  }

  /** The same dependencies, with an eye on progress. */
  watched(): TailIo {
    return {
      ...this.#io,
      onProgress: (progress) => {
        this.#worked = true;
        this.#io.metrics.faults.clear('tail');
        this.#pauseMs = firstPauseMs;
        this.#io.onProgress(progress);
      },
    };
  }

  /** @throws the error when it cannot be healed by trying again. */
  async after(error: unknown): Promise<void> {
    const { faults } = this.#io.metrics;
    if (!(error instanceof AppError) || !faults.mayHeal('tail', error)) throw error;
    if (this.#settings.failFast && !this.#worked) throw error;
    if (error.facts['reason'] === sameServerId && this.#contest.isLasting(performance.now()))
      throw new AppError(
        'SOURCE_NOT_READY',
        { ...error.facts, serverId: this.#settings.serverId, fix: 'give it another --server-id' },
        error,
      );
    this.#io.metrics.retries.inc({ room: 'tail', code: error.code });
    faults.note('tail', error.code);
    this.#io.logger.warn(
      { code: error.code, facts: error.facts, cause: error.cause, pauseMs: this.#pauseMs },
      'tail failed and tries again',
    );
    await pause(this.#pauseMs * (0.5 + Math.random() / 2), this.#signal);
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
  }
}
