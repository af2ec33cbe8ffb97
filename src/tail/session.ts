import { crashPoint } from '../platform/crash-points.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { EventLog, LogWriter, OutRecord } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import { openConnection } from '../platform/mysql.ts';
import type { Connection } from '../platform/mysql.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { EventAccounts } from './event-accounts.ts';
import { flavourOf } from './flavour.ts';
import { askingError } from './galera-node.ts';
import { LogBatch } from './log-batch.ts';
import { TailOutput } from './output.ts';
import { Placements } from './placement.ts';
import { encodePlacementNote, readOwnPlacements } from './own-placements.ts';
import { checkZones } from './zone-slices.ts';
import { readOwnPosition } from './own-position.ts';
import { encodeLeader } from './position.ts';
import type { PositionRecord } from './position.ts';
import { pollSource } from './poll.ts';
import { preflight, requireReady } from './preflight.ts';
import { resumeFrom } from './resume.ts';
import { binlogEnd } from './server-facts.ts';
import type { ResumePoint } from './server-facts.ts';
import { identifyServer } from './server-sight.ts';
import type { ServerIdentity } from './server-sight.ts';
import { encodeState, faultState } from './source-state.ts';
import type { SourceState } from './source-state.ts';
import { followBinlog } from './stream.ts';
import type { StreamSettings, TailProgress, TailSettings } from './tail-options.ts';
import { withinWrite } from './within-write.ts';
import { streamsOf } from './written-streams.ts';

export interface TailIo {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly onProgress: (progress: TailProgress) => void;
}

/** What a stream works with, whatever it follows. */
export interface StreamContext {
  readonly settings: StreamSettings;
  readonly io: TailIo;
  /** Aborts when asked to stop and when the seat is lost. */
  readonly signal: AbortSignal;
  readonly batch: LogBatch;
  readonly output: TailOutput;
}

export interface SessionContext extends StreamContext {
  readonly settings: TailSettings;
  readonly connection: Connection;
  readonly identity: ServerIdentity;
  readonly accounts: EventAccounts;
  /** Writes what is done with the source from now on, for people. */
  readonly say: (now: Said) => Promise<void>;
  /** The newest committed position; null when stopped, or when the source was never followed. */
  readonly readPosition: () => Promise<PositionRecord | null>;
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
  // Before the writer, which cuts its batches by them.
  const limits = await log.recordLimits?.(
    streamsOf(settings).map((stream) => stream.topic(prefix)),
  );
  const writer = await openWriter(settings, log, signal);
  const batch = new LogBatch(writer, settings.writeTimeoutMs);
  let connection: Connection | undefined;
  let state = { source: prefix, how: null, server: serverName(settings) } as FaultContext;
  try {
    crashPoint('tail.writer-opened');
    // A commit that a broker acknowledged and then lost sight of in a crash: its records lie in the
    // log, unseen, until the next commit to the same partition. So one is made before they are read.
    const note = encodeLeader(prefix, prefix, io.clock.now());
    await batch.commit([note, encodePlacementNote(prefix, note)]);
    crashPoint('tail.leader-noted');
    const stored = await storedPosition(settings, log, note, signal);
    if (stored?.adopted)
      throw new AppError('TAIL_OTHER_SOURCE', {
        prefix,
        reason: "this feed is made from a Debezium's topics",
        fix: 'usagestream adopt, or first usagestream offsets import',
      });
    // Before the source is asked, which may not answer.
    io.metrics.tailLag.follow(io.clock, stored?.watermarkMs ?? null);
    const { feedPartitions, zones } = settings;
    checkZones(zones, feedPartitions);
    const known = await readOwnPlacements(settings, log, note, stored, signal);
    const placements = new Placements(prefix, feedPartitions, known, zones);
    if (signal.aborted) return 'stopped';

    connection = await openConnection(settings.source, 'SOURCE');
    // Broken connections show in the next query; without a listener they would end the process.
    connection.on('error', (cause) => logger.debug({ cause }, 'source connection broke'));
    const end = await ready(connection, settings, io);
    const identity = await identifyServer(connection);
    const accounts = new EventAccounts(settings.cloudSchema);
    const output = new TailOutput({
      settings,
      batch,
      placements,
      accounts,
      limits: limits ?? new Map(),
      connector: (await flavourOf(connection)).name,
      followed: {
        serverId: identity.serverId,
        serverUuid: identity.serverUuid,
        incarnation: stored?.incarnation ?? 0,
        cuts: stored?.cuts ?? [],
        newestEvent: stored?.newestEvent ?? null,
        healed: stored?.healed ?? null,
        poll: stored?.poll ?? null,
      },
      ...(stored?.rawFrom ? { rawFrom: stored.rawFrom } : {}),
      metrics: io.metrics,
      clock: io.clock,
    });
    const say = async (now: Said) => {
      const server = `${serverName(settings)} ${identity.version}`;
      const said = { v: 1, source: prefix, server, code: null, fix: null, ...now } as const;
      state = said;
      await batch.commit([encodeState(prefix, { ...said, atMs: io.clock.now() })]);
    };
    const readPosition = () => readOwnPosition(log, prefix, note, signal);
    const context = {
      settings,
      io,
      signal,
      connection,
      identity,
      batch,
      output,
      accounts,
      say,
      readPosition,
    };
    return await (end === null ? pollSource(context) : follow(context, end));
  } catch (error) {
    const fault = askingError(error, settings.source);
    await sayFault(fault, state, batch, settings, io, signal);
    throw fault;
  } finally {
    connection?.destroy();
    await leave(batch, writer, io);
  }
}

/** What a session tells about its source as it goes on. */
export type Said = Pick<SourceState, 'state' | 'how' | 'why'>;
export type FaultContext = Pick<SourceState, 'source' | 'how' | 'server'>;

export interface StreamStart {
  readonly point: ResumePoint;
  readonly watermarkMs: number | null;
}

async function follow(context: SessionContext, end: BinlogPoint): Promise<'until' | 'stopped'> {
  const { settings, io, output, connection } = context;
  let refused = false;
  for (let until = end; ; until = await binlogEnd(connection)) {
    const from = await resumeFrom(context, refused);
    if (from === null) return 'stopped';
    io.logger.info(
      {
        prefix: settings.prefix,
        ...from.point.end,
        gtid: from.point.gtid,
        byGtid: from.point.byGtid,
      },
      'tail started to follow the binlog',
    );
    try {
      return await followBinlog(context, from, until);
    } catch (error) {
      // The server has not what it seemed to have: the place is looked at again, and healed if it has to be.
      if (refused || !isAppError(error, 'TAIL_POSITION_PURGED')) throw error;
      io.logger.warn(error.facts, 'source refused the place');
      await output.abort();
      refused = true;
    }
  }
}

const serverName = ({ source }: TailSettings): string => `${source.host}:${source.port}`;

// For people only: it must not hide the fault, nor may who has lost the lead write.
export async function sayFault(
  fault: unknown,
  before: FaultContext,
  batch: LogBatch,
  { prefix }: Pick<StreamSettings, 'prefix'>,
  io: Pick<TailIo, 'clock' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  const state = isAppError(fault) ? faultState(fault, before, io.clock.now()) : null;
  if (state === null || signal.aborted) return;
  try {
    await batch.abort();
    await batch.commit([encodeState(prefix, state)]);
  } catch (error) {
    io.logger.debug({ error }, 'state of the source could not be written');
  }
}

async function ready(connection: Connection, settings: TailSettings, io: TailIo) {
  const findings = await preflight(
    connection,
    {
      target: settings.source,
      cloudSchema: settings.cloudSchema,
      serverId: settings.serverId,
      sourceMode: settings.sourceMode,
    },
    io.clock,
  );
  for (const { level, ...facts } of findings)
    if (level === 'warning') io.logger.warn(facts, 'source preflight warned');
  requireReady(findings);
  return settings.sourceMode === 'poll' ? null : binlogEnd(connection);
}

/** The position to resume from. @throws LOG_TOPIC_MISMATCH when the feed was made with other partitions. */
export async function storedPosition(
  settings: Pick<StreamSettings, 'prefix' | 'feedPartitions'>,
  log: EventLog,
  note: OutRecord,
  signal: AbortSignal,
): Promise<PositionRecord | null> {
  const { prefix, feedPartitions } = settings;
  const stored = await readOwnPosition(log, prefix, note, signal);
  if (stored && stored.feedPartitions !== feedPartitions)
    throw new AppError('LOG_TOPIC_MISMATCH', {
      topic: `${prefix}.usage-feed`,
      madeWith: stored.feedPartitions,
      asked: feedPartitions,
      reason: 'the partitions of a feed never change',
    });
  return stored;
}

export const openWriter = (
  settings: Pick<StreamSettings, 'prefix' | 'writeTimeoutMs'>,
  log: EventLog,
  signal: AbortSignal,
): Promise<LogWriter> =>
  withinWrite(
    settings.writeTimeoutMs,
    // A large source transaction is one log transaction: it may stay open for minutes.
    log.writer({
      transactionalId: `${settings.prefix}-tail`,
      transactionTimeoutMs: 300_000,
      topicPrefix: settings.prefix,
      // Else one that was given up could still take the id, from the next one.
      signal: AbortSignal.any([signal, AbortSignal.timeout(settings.writeTimeoutMs)]),
    }),
    'open writer',
  );

// Nothing here may hide the fault that ended the session, nor hold up a stop.
export async function leave(
  batch: LogBatch,
  writer: LogWriter,
  io: Pick<TailIo, 'logger'>,
): Promise<void> {
  const goodbye = async () => {
    try {
      await batch.abort();
    } finally {
      await writer[Symbol.asyncDispose]();
    }
  };
  try {
    await withinWrite(3000, goodbye(), 'close writer');
  } catch (error) {
    io.logger.debug({ error }, 'writer could not be closed in order');
  }
}
