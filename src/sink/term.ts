import { randomUUID } from 'node:crypto';
import { defaultAnswerMs, patientMs } from '../platform/answer-limit.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import { pause } from '../platform/lifecycle.ts';
import { requireVersion } from '../platform/migrate.ts';
import { checkAmendGrant } from './amend-rows.ts';
import { inspectCloudUsage } from './cloud-usage-columns.ts';
import { dropAfterGrace } from './drop-after-grace.ts';
import { isPublishedUntil, readFrontier } from './due-window.ts';
import type { Frontier } from './due-window.ts';
import { inspectHelperTables } from './inspect-helper-tables.ts';
import { loadGeneration } from './generation.ts';
import type { Generation } from './generation.ts';
import { isOutboxEmpty, lead } from './lead.ts';
import type { Leadership } from './lead.ts';
import { endConnections, isHeld, releaseLease, takeLease } from './lease.ts';
import type { Lease } from './lease.ts';
import type { PublishedWindow } from './publish-window.ts';
import { Session } from './session.ts';
import type { SinkIo } from './sink-options.ts';
import type { StoreTables } from './store-tables.ts';
import { alertKinds, UsageAlerts } from './usage-alerts.ts';
import type { AlertTarget } from './usage-alerts.ts';

/** What outlives a term: whoever this process is to the lease, and what it has done. */
export interface SinkSelf {
  readonly owner: string;
  readonly options: Leadership['options'];
  readonly t: StoreTables;
  rows: number;
  /** Called when the lease is taken: the last fault is over. */
  onLead: () => void;
}

/** A name in the lease that no other process has, nor this one after a restart. */
export const leaseOwner = (host: string, pid: number): string =>
  `${host.slice(0, 80)}#${pid}#${randomUUID().slice(0, 8)}`;

/** A publishing transaction may wait so long for a row, seconds; a rival's rollback can be long. */
const lockWaitSeconds = 10;

/** What decides about the lease may wait so long for a row: only a change of leader has it, in short statements. */
const leaseLockSeconds = 1;

/** Half of the lease, so that it is asked again before it can matter; above the wait for a lock. */
const leaseAnswerMs = (leaseMs: number): number => Math.max(leaseMs / 2, 2000 * leaseLockSeconds);

/** A server that does not answer must not hold up the stop. */
const stepDownMs = 1500;

/**
 * One turn: connect, stand by until the lease is free, lead until the signal aborts or `untilMs` is done.
 * @throws any fault of the catalogue; the lease is then given back where that is possible
 */
export async function serveTerm(self: SinkSelf, io: SinkIo): Promise<void> {
  const { options, t } = self;
  const { signal } = io;
  const store = { ...io.store, answerMs: leaseAnswerMs(options.leaseMs) };
  await using control = await Session.open(store, leaseLockSeconds, signal);
  await using work = await Session.open(store, lockWaitSeconds, signal);
  await using reading = await Session.open(store, lockWaitSeconds, signal);
  await using heart = await Session.open(store, 1, signal);
  const sessions = [control, work, reading, heart];
  // A publication, and what the topics are told of it, may be of millions of rows; see dropDead, too.
  for (const one of [work, reading]) one.answerMs = patientMs(io.store);
  heart.answerMs = io.store.answerMs ?? defaultAnswerMs;
  using _grace = dropAfterGrace(signal, sessions);
  const [newest] = await control.rows(`SELECT MAX(version) AS version FROM ${t.schemaVersion}`);
  requireVersion(options.schema, Number(newest?.['version'] ?? 0));
  const generation = await awaitGeneration(control, self, io);
  if (!generation) return;
  const columns =
    options.mode === 'primary' ? await inspectCloudUsage(control, options.cloudUsageSchema) : null;
  if (columns && (options.helperTables ?? true))
    await inspectHelperTables(control, options.cloudUsageSchema);
  const mayAmend = options.mayAmend ?? false;
  if (columns && mayAmend) await checkAmendGrant(control, t);
  const outbox = io.log !== null;
  const lease = await standBy({ control, work, reading, heart }, generation, self, io);
  if (!lease) return;
  // A cutover while we stood by: whoever led then published another generation since.
  const wanted = { name: options.generation, feedPartitions: options.feedPartitions };
  const now = await loadGeneration(control, t, wanted);
  if (now?.id !== generation.id) {
    await stepDown(self, io, lease);
    throw new AppError('GENERATION_CHANGED', { from: generation.name, to: now?.name });
  }
  self.onLead();
  io.metrics.sinkLeader.set(1);
  io.logger.info(
    { epoch: lease.epoch, generation: generation.name, mode: options.mode },
    'sink led',
  );
  try {
    const helperTables = options.helperTables ?? true;
    const job = { host: options.host, pid: options.pid };
    const leadership: Leadership = {
      control,
      work,
      reading,
      heart,
      sessions,
      t,
      lease,
      generation,
      outbox,
      options,
      io,
      cloudUsageSchema: options.cloudUsageSchema,
      target: columns
        ? { mode: 'primary', columns, job, helperTables, mayAmend }
        : { mode: 'shadow' },
      clock: io.clock,
      alerts: columns && options.alerts ? usageAlerts(options.alerts, io) : null,
      reportRepaired: (repaired) => {
        reportExtras(io, { publishedUntilMs: repaired.window.endMs }, repaired);
      },
      report: (frontier, published) => report(self, io, control, generation, frontier, published),
    };
    await lead(leadership, signal);
  } finally {
    io.metrics.sinkLeader.set(0);
    await stepDown(self, io, lease);
  }
}

const usageAlerts = (target: AlertTarget, { logger, metrics }: SinkIo): Leadership['alerts'] => ({
  result: new UsageAlerts(alertKinds.result, target, logger, metrics),
  sanity: new UsageAlerts(alertKinds.sanity, target, logger, metrics),
});

/** The aggregate stage makes the generation; the sink may be started first. */
async function awaitGeneration(
  session: Session,
  { options, t }: SinkSelf,
  { signal, logger }: SinkIo,
): Promise<Generation | null> {
  const wanted = { name: options.generation, feedPartitions: options.feedPartitions };
  for (let told = false; !signal.aborted; told = true) {
    const generation = await loadGeneration(session, t, wanted);
    if (generation) return generation;
    if (!told) logger.info({ generation: options.generation }, 'sink waited for the generation');
    await pause(options.pollMs, signal);
  }
  return null;
}

/** Waits for the lease; null when the signal aborts, or another sink has done all up to `untilMs`. */
async function standBy(
  sessions: Pick<Leadership, 'control' | 'work' | 'reading' | 'heart'>,
  generation: Generation,
  self: SinkSelf,
  io: SinkIo,
): Promise<Lease | null> {
  const { options, t, owner } = self;
  const { control, work: publishing, reading, heart } = sessions;
  const { schema, leaseMs, untilMs, pollMs } = options;
  const answerMs = leaseAnswerMs(leaseMs);
  for (let told = false; !io.signal.aborted;) {
    // Idle until the lease is ours: one that died meanwhile must not be found out then.
    await Promise.all([publishing, reading, heart].map((one) => one.prove(answerMs)));
    try {
      const lease = await takeLease(control, t, {
        schema,
        owner,
        leaseMs,
        publishing,
        heart,
      });
      if (lease) return lease;
    } catch (error) {
      if (!isAppError(error, 'STORE_BUSY')) throw error;
      io.metrics.retries.inc({ room: 'sink', code: error.code });
    }
    const frontier = await readFrontier(control, t, generation);
    const outbox = io.log !== null;
    if (untilMs !== undefined && isPublishedUntil(frontier, untilMs, generation))
      if (await isOutboxEmpty({ t, generation, outbox }, control)) return null;
    io.metrics.faults.clear('sink');
    if (!told) io.logger.info({ generation: generation.name }, 'sink stood by');
    told = true;
    io.onProgress?.({
      leader: false,
      lastPublishedEndMs: frontier.publishedUntilMs,
      rows: self.rows,
      pendingOutbox: 0,
    });
    await pause(pollMs, io.signal);
  }
  return null;
}

async function report(
  self: SinkSelf,
  io: SinkIo,
  session: Session,
  generation: Generation,
  frontier: Frontier,
  published: PublishedWindow | null,
): Promise<void> {
  io.metrics.faults.clear('sink');
  if (published) {
    self.rows += published.rows.rows;
    io.metrics.sinkWindows.inc();
    for (const { usageType, rows } of published.rows.byType)
      io.metrics.sinkRows.inc({ usage_type: String(usageType) }, rows);
    io.logger.info(
      { endMs: frontier.publishedUntilMs, rows: published.rows.rows, mode: published.mode },
      'window published',
    );
    reportExtras(io, frontier, published);
    if (published.rows.reduced > 0)
      io.logger.warn(
        { endMs: frontier.publishedUntilMs, rows: published.rows.reduced },
        'characters that cloud_usage cannot hold were published as question marks',
      );
  }
  if (!io.onProgress) return;
  const waiting = await session.row(
    `SELECT COUNT(*) AS n FROM ${self.t.outbox} WHERE generation = ?`,
    [generation.id],
  );
  io.onProgress({
    leader: true,
    lastPublishedEndMs: frontier.publishedUntilMs,
    rows: self.rows,
    pendingOutbox: Number(waiting?.['n']),
  });
}

/** What a publication did beside rows, of a window or a repair. */
function reportExtras(
  io: SinkIo,
  frontier: Pick<Frontier, 'publishedUntilMs'>,
  { helpers, amends, sharedVms }: Pick<PublishedWindow, 'helpers' | 'amends' | 'sharedVms'>,
): void {
  if (sharedVms > 0)
    io.metrics.aggregateAnomalies.inc({ code: 'OPEN_UNDER_OTHER_ACCOUNT' }, sharedVms);
  for (const outcome of ['amended', 'refused'] as const)
    if (amends[outcome] > 0) io.metrics.sinkAmends.inc({ outcome }, amends[outcome]);
  if (amends.amended > 0)
    io.logger.info({ endMs: frontier.publishedUntilMs, ...amends }, 'published rows were amended');
  let skipped = 0;
  for (const [table, counts] of helpers) {
    io.metrics.sinkHelperRows.inc({ table, outcome: 'written' }, counts.rows);
    if (counts.skipped > 0)
      io.metrics.sinkHelperRows.inc({ table, outcome: 'skipped' }, counts.skipped);
    skipped += counts.skipped;
  }
  if (skipped > 0)
    io.logger.warn(
      { endMs: frontier.publishedUntilMs, rows: skipped },
      'helper rows that CloudStack cannot hold were left out',
    );
}

/**
 * Gives the lease back by a connection of its own, so that another sink leads at once. The open
 * `usage_job` row stays, with its heartbeat: the next sink takes it over, while a Java server that
 * somebody forgot to stop keeps waiting.
 */
async function stepDown(self: SinkSelf, io: SinkIo, lease: Lease): Promise<void> {
  const done = new AbortController();
  let session: Session | undefined;
  const giveBack = async () => {
    crashPoint('sink.before-lease-release');
    session = await Session.open(io.store, 1);
    if (done.signal.aborted) return session.drop();
    // A store that lost commits may have given our epoch to another, whose connections have its name.
    if (!(await isHeld(session, self.t, lease))) return;
    await endConnections(session, self.options.schema, lease.epoch);
    await releaseLease(session, self.t, lease);
    io.logger.info({ epoch: lease.epoch }, 'sink stepped down');
  };
  try {
    await Promise.race([giveBack(), pause(stepDownMs, done.signal)]);
  } catch (error) {
    io.logger.warn({ err: error, epoch: lease.epoch }, 'sink lease was left to run out');
  } finally {
    done.abort();
    session?.drop();
  }
}
