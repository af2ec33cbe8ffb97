import { AppError } from '../platform/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { EventLog, LogWriter } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { mysqlError, openConnection } from '../platform/mysql.ts';
import type { Connection } from '../platform/mysql.ts';
import { EventAccounts } from './event-accounts.ts';
import { runFirstSnapshot } from './first-snapshot.ts';
import { flavourOf } from './flavour.ts';
import { LogBatch } from './log-batch.ts';
import { TailOutput } from './output.ts';
import { Placements } from './placement.ts';
import { readPlacements } from './placement-record.ts';
import { checkZones } from './zone-slices.ts';
import { encodeLeader, readPosition } from './position.ts';
import type { PositionRecord } from './position.ts';
import { preflight, requireReady } from './preflight.ts';
import { binlogEnd, resumePoint, serverIdOf } from './server-facts.ts';
import type { ResumePoint } from './server-facts.ts';
import { followBinlog } from './stream.ts';
import type { TailProgress, TailSettings } from './tail-options.ts';
import { within } from './time-limit.ts';

export interface TailIo {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly onProgress: (progress: TailProgress) => void;
}

export interface SessionContext {
  readonly settings: TailSettings;
  readonly io: TailIo;
  /** Aborts when asked to stop and when the seat is lost. */
  readonly signal: AbortSignal;
  readonly connection: Connection;
  readonly batch: LogBatch;
  readonly output: TailOutput;
  readonly accounts: EventAccounts;
}

/**
 * One turn as the leader, until the end, an abort or a fault; nothing of it outlives it.
 * The order matters: opening the writer fences the one before, so the position read after that
 * is the last one ever committed by it, and only then is the source asked.
 */
export async function runSession(
  settings: TailSettings,
  io: TailIo,
  signal: AbortSignal,
): Promise<'until' | 'stopped'> {
  const { log, logger } = io;
  const { prefix } = settings;
  const writer = await openWriter(settings, log);
  const batch = new LogBatch(writer, settings.writeTimeoutMs);
  let connection: Connection | undefined;
  try {
    // A commit that a broker acknowledged and then lost sight of in a crash: its records lie in the
    // log, unseen, until the next commit to the same partition. So one is made before the position is read.
    await batch.commit([encodeLeader(prefix, prefix, io.clock.now())]);
    const stored = await readPosition(log, prefix, prefix, signal);
    if (stored && stored.feedPartitions !== settings.feedPartitions)
      throw new AppError('LOG_TOPIC_MISMATCH', {
        topic: `${prefix}.usage-feed`,
        madeWith: stored.feedPartitions,
        asked: settings.feedPartitions,
        reason: 'the partitions of a feed never change',
      });
    const { feedPartitions, zones } = settings;
    checkZones(zones, feedPartitions);
    const known = await readPlacements(log, prefix, feedPartitions, signal);
    const placements = new Placements(prefix, feedPartitions, known, zones);
    if (signal.aborted) return 'stopped';

    connection = await openConnection(settings.source, 'SOURCE');
    // Broken connections show in the next query; without a listener they would end the process.
    connection.on('error', (cause) => logger.debug({ cause }, 'source connection broke'));
    const end = await ready(connection, settings, io);
    const serverId = await serverIdOf(connection);
    const accounts = new EventAccounts(settings.cloudSchema);
    const output = new TailOutput({
      settings,
      batch,
      placements,
      accounts,
      serverId,
      connector: (await flavourOf(connection)).name,
      incarnation: stored?.incarnation ?? 0,
      metrics: io.metrics,
      clock: io.clock,
    });
    const context = { settings, io, signal, connection, batch, output, accounts };

    const from = await startOf(context, stored);
    if (from === null) return 'stopped';
    logger.info(
      { prefix, ...from.point.end, gtid: from.point.gtid, byGtid: from.point.byGtid },
      'tail started to follow the binlog',
    );
    return await followBinlog(context, from, end);
  } catch (error) {
    throw mysqlError(error, settings.source, 'SOURCE');
  } finally {
    connection?.destroy();
    await leave(batch, writer, io);
  }
}

export interface StreamStart {
  readonly point: ResumePoint;
  readonly watermarkMs: number | null;
}

async function startOf(
  context: SessionContext,
  stored: PositionRecord | null,
): Promise<StreamStart | null> {
  const point = stored
    ? await resumePoint(context.connection, {
        end: { file: stored.file, pos: stored.pos },
        gtid: stored.gtid,
        serverId: stored.serverId,
      })
    : null;
  if (point && stored && !point.byGtid) {
    // The same for the partitions of the feed.
    context.output.announce(stored.watermarkMs, point);
    await context.output.commit(point, stored.watermarkMs, stored.snapshot);
  }
  if (point && stored && stored.snapshot === null)
    return { point, watermarkMs: stored.watermarkMs };
  return runFirstSnapshot(context, stored && point ? { stored, point } : null);
}

async function ready(connection: Connection, settings: TailSettings, io: TailIo) {
  const findings = await preflight(
    connection,
    {
      target: settings.source,
      cloudSchema: settings.cloudSchema,
      serverId: settings.serverId,
    },
    io.clock,
  );
  for (const { level, ...facts } of findings)
    if (level === 'warning') io.logger.warn(facts, 'source preflight warned');
  requireReady(findings);
  return binlogEnd(connection);
}

const openWriter = (settings: TailSettings, log: EventLog): Promise<LogWriter> =>
  within(
    settings.writeTimeoutMs,
    // A large source transaction is one log transaction: it may stay open for minutes.
    log.writer({ transactionalId: `${settings.prefix}-tail`, transactionTimeoutMs: 300_000 }),
    'LOG_WRITE_FAILED',
    'open writer',
  );

// Nothing here may hide the fault that ended the session, nor hold up a stop.
async function leave(batch: LogBatch, writer: LogWriter, io: TailIo): Promise<void> {
  const goodbye = async () => {
    try {
      await batch.abort();
    } finally {
      await writer[Symbol.asyncDispose]();
    }
  };
  try {
    await within(3000, goodbye(), 'LOG_WRITE_FAILED', 'close writer');
  } catch (error) {
    io.logger.debug({ error }, 'writer could not be closed in order');
  }
}
