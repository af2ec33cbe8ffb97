import { sqlDateTime } from '../contracts/time.ts';
import type { Window } from '../contracts/time.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { pause, runTogether } from '../platform/lifecycle.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import { backoffMs } from './backoff.ts';
import { answerCutover } from './cutover.ts';
import { isDue, isPublishedUntil, readFrontier } from './due-window.ts';
import type { Frontier } from './due-window.ts';
import { dropDead } from './drop-dead.ts';
import { abandonAfterGrace, dropAfterGrace } from './drop-after-grace.ts';
import { countIncomplete } from './incomplete-accounts.ts';
import { holdLease, renewLease } from './lease.ts';
import { overfullRows } from './overfull-rows.ts';
import { publishRepaired } from './publish-repaired.ts';
import type { RepairedWindow } from './publish-repaired.ts';
import { publishWindow } from './publish-window.ts';
import type { PublishContext, PublishedWindow } from './publish-window.ts';
import { refuseHandedBack } from './refuse-handed-back.ts';
import { runRelay } from './relay.ts';
import type { Session } from './session.ts';
import type { SinkIo, SinkOptions } from './sink-options.ts';
import type { UsageAlerts } from './usage-alerts.ts';
import { finishRequests, keepOpenJob, openJobId, takeRequests, underJobLock } from './usage-job.ts';

/** What a leader works with; each loop has a connection of its own, so that none waits for another. */
export interface Leadership extends PublishContext {
  readonly control: Session;
  /** Reads for the topics. */
  readonly reading: Session;
  /** Heartbeats of `usage_job`. */
  readonly heart: Session;
  /** All of these. */
  readonly sessions: readonly Session[];
  readonly options: SinkOptions & { readonly pollMs: number; readonly leaseMs: number };
  readonly io: SinkIo;
  /** null: CloudStack is told of no failure. */
  readonly alerts: { readonly result: UsageAlerts; readonly sanity: UsageAlerts } | null;
  /** Called after rows were added to a published window. */
  readonly reportRepaired: (repaired: RepairedWindow) => void;
  /** Called after each publication, and at every look for one. */
  readonly report: (frontier: Frontier, published: PublishedWindow | null) => Promise<void>;
}

/**
 * Leads: renews the lease, keeps the `usage_job` row, publishes windows, feeds the topics; until the
 * signal aborts, or `untilMs` is reached.
 *
 * @throws the first fault of any of these, when all have ended
 */
export async function lead(leadership: Leadership, signal: AbortSignal): Promise<void> {
  const { options, io, t, lease, control } = leadership;
  const finished = new AbortController();
  const all = AbortSignal.any([signal, finished.signal]);
  if (leadership.target.mode === 'primary') await claimJob(leadership, all);
  using endings = new DisposableStack();
  await runTogether(all, [
    async (stop) => {
      endings.use(dropAfterGrace(stop, leadership.sessions));
      await Promise.resolve();
    },
    (stop) =>
      every(options.leaseMs / 3, stop, () => renewLease(control, t, lease, options.leaseMs)),
    (stop) => dropDead(control, leadership.sessions, options.leaseMs / 2, stop),
    (stop) => every(options.heartbeatMs ?? 20_000, stop, () => beat(leadership)),
    async (stop) => {
      await publishAll(leadership, stop);
      finished.abort();
    },
    async (stop) => {
      if (io.log === null) return;
      const { generation, reading, lease: held } = leadership;
      const { prefix, pollMs } = options;
      const { log, logger, metrics } = io;
      const relay = { session: reading, t, generation, prefix, log, lease: held, logger, metrics };
      await abandonAfterGrace(stop, runRelay({ ...relay, pollMs, signal: stop }));
    },
  ]);
}

/** Publishes every window that is due, then looks again each `pollMs`; ends when `untilMs` is done. */
async function publishAll(leadership: Leadership, signal: AbortSignal): Promise<void> {
  const { work, t, generation, options, io, report } = leadership;
  for (let attempt = 0; !signal.aborted;) {
    try {
      await publishAllRepaired(leadership, signal);
      await cutOverWhenAsked(leadership);
      const frontier = await readFrontier(work, t, generation);
      const due = isDue(frontier) && frontier.next.endMs <= (options.untilMs ?? Infinity);
      if (due) {
        const published = await publishWindow(leadership, frontier.next);
        crashPoint('sink.after-commit-before-outbox');
        await report({ ...frontier, publishedUntilMs: frontier.next.endMs }, published);
        await tellOfWindow(leadership, frontier.next);
      } else {
        await report(frontier, null);
        const { untilMs } = options;
        if (untilMs !== undefined && isPublishedUntil(frontier, untilMs, generation))
          if (await isOutboxEmpty(leadership, work)) return;
        await pause(options.pollMs, signal);
      }
      attempt = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!isAppError(error, 'STORE_BUSY')) {
        await tellOfFault(leadership, error);
        throw error;
      }
      io.metrics.retries.inc({ room: 'sink', code: error.code });
      io.logger.warn({ err: error, attempt }, 'publication was put off');
      await pause(backoffMs(attempt++), signal);
    }
  }
}

/** A good job clears the alerts; one that had to leave accounts out, or that bills too much, is none. */
async function tellOfWindow(
  { alerts, work, t, generation }: Leadership,
  window: Window,
): Promise<void> {
  if (alerts === null) return;
  const { count, examples } = await overfullRows(work, t, generation, window);
  if (count === 0) await alerts.sanity.clear();
  else
    await alerts.sanity.raise(
      `Usage sanity check failed. Rows with more hours than their window: ${count}`,
      `Window from ${sqlDateTime(window.startMs)} GMT. ${examples.join('; ')}`,
    );
  const waiting = await countIncomplete(work, t, generation);
  if (waiting === 0) return alerts.result.clear();
  const letters = '`usagestream dead-letters list --reason FOLD_BUG`';
  await alerts.result.raise(
    `Usage job incomplete. Accounts left out: ${waiting}`,
    `The usage of ${waiting} accounts could not be worked out. They are billed when they are repaired: ${letters} says what to do.`,
  );
}

/** What no later try can mend fails the job, as CloudStack's own usage server has it. */
async function tellOfFault({ alerts, work, t }: Leadership, error: unknown): Promise<void> {
  if (alerts === null || (isAppError(error) && error.retry !== 'never')) return;
  const said = error instanceof Error ? error.message : String(error);
  const code = isAppError(error) ? `${error.code} ${JSON.stringify(error.facts)}` : said;
  const job = await openJobId(work, t).catch(() => null);
  await alerts.result.raise(`Usage job failed. Job id: ${job ?? 'none'}`, code);
}

/** @throws GENERATION_CHANGED when another generation is live from now on: the term is over. */
async function cutOverWhenAsked(leadership: Leadership): Promise<void> {
  const done = await answerCutover(leadership);
  if (done === null) return;
  leadership.io.logger.info({ done }, 'cutover answered');
  if (done) throw new AppError('GENERATION_CHANGED', { from: leadership.generation.name });
}

async function publishAllRepaired(leadership: Leadership, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const repaired = await publishRepaired(leadership);
    if (repaired === null) return;
    const { window, rows } = repaired;
    leadership.io.logger.info({ ...window, rows: rows.pending }, 'repaired window published');
    leadership.reportRepaired(repaired);
    await tellOfWindow(leadership, window);
  }
}

/** True when the topics have everything that the store has for them. */
export async function isOutboxEmpty(
  context: Pick<PublishContext, 't' | 'generation' | 'outbox'>,
  session: Session,
): Promise<boolean> {
  const { t, generation, outbox } = context;
  if (!outbox) return true;
  const waiting = await session.row(
    `SELECT EXISTS (SELECT 1 FROM ${t.outbox} WHERE generation = ?)
       OR EXISTS (SELECT 1 FROM ${t.deadLetter} WHERE relayed = 0 AND generation = ?) AS waiting`,
    [generation.id, generation.id],
  );
  return Number(waiting?.['waiting']) === 0;
}

/** The row is claimed before the first window: a live Java server must stop us here. */
async function claimJob(leadership: Leadership, signal: AbortSignal): Promise<void> {
  await refuseHandedBack(leadership.control, leadership.t, leadership.generation);
  while (!signal.aborted && !(await beat(leadership))) await pause(backoffMs(0), signal);
}

/** One heartbeat; requests of generateUsageRecords are answered here when nothing is left to publish. */
async function beat({ heart, t, lease, target, generation }: Leadership): Promise<boolean> {
  if (target.mode !== 'primary') return true;
  try {
    return await underJobLock(heart, () =>
      heart.transaction(async () => {
        await holdLease(heart, t, lease);
        await keepOpenJob(heart, t, target.job);
        crashPoint('sink.job-before-commit');
        if ((await takeRequests(heart, t)) === 0) return;
        if (isDue(await readFrontier(heart, t, generation))) return; // the next publication answers
        const last = await heart.row(
          `SELECT window_start_ms, window_end_ms FROM ${t.publishedWindow}
           WHERE generation = ? AND mode = 'primary' ORDER BY window_start_ms DESC LIMIT 1`,
          [generation.id],
        );
        if (!last) return;
        const startMs = Number(last['window_start_ms']);
        await finishRequests(heart, t, { startMs, endMs: Number(last['window_end_ms']) }, 0);
      }),
    );
  } catch (error) {
    if (isAppError(error, 'STORE_BUSY')) return false; // a publication has the row; its commit is a heartbeat
    throw error;
  }
}

async function every(ms: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await pause(ms, signal);
    if (!signal.aborted) await work();
  }
}
