import { AppError } from '../platform/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import { reachOf } from './adopted-topics.ts';
import { compareBinlogPoints } from './binlog-point.ts';
import { capturedTables } from './captured-tables.ts';
import { requireNoSnapshot } from './connect-offset.ts';
import type { ConnectOffset, SourceOffset } from './connect-offset.ts';
import { Leadership } from './leadership.ts';
import { LogBatch } from './log-batch.ts';
import { readOwnPosition } from './own-position.ts';
import { encodeLeader, encodePosition, readPosition } from './position.ts';
import type { AdoptedPlace, PositionRecord, RawFrom } from './position.ts';
import { compareRawPlaces, findRawFrom } from './raw-end.ts';
import { leave, openWriter } from './session.ts';

export interface HandOverIo {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface HandOverOptions {
  readonly prefix: string;
  readonly cloudSchema: string;
  readonly sessionTimeoutMs: number;
}

const writeTimeoutMs = 30_000;

/**
 * Our position as the offset of a Debezium with the same topic prefix, which then goes on with our raw
 * topics. Positions are ends of transactions, so the offset has neither `event` nor `row`.
 *
 * @throws OFFSETS_REFUSED while a tailer works, before the first snapshot is whole, or when our raw
 *   topics are not at that position.
 */
export async function exportOffset(
  options: HandOverOptions,
  io: HandOverIo,
): Promise<SourceOffset> {
  return withSeat(options, io, async () => {
    const stored = await readPosition(io.log, options.prefix, options.prefix, io.signal);
    if (stored === null) throw refused('nothing was ever read under this prefix');
    if (stored.snapshot)
      throw refused('the first snapshot is not finished: let the tailer finish it');
    if (stored.adopted) throw refused("this feed is made from a Debezium's topics already");
    if (stored.poll) throw refused('the source is polled: there is no place in a binlog');
    if (stored.withinTransaction)
      throw refused('the place is within a transaction: run the tailer');
    if (stored.rawFrom && compareRawPlaces({ ...stored, row: -1 }, stored.rawFrom) < 0)
      throw refused('the raw topics are ahead of the feed: run the tailer until it has caught up');
    return {
      ts_sec: Math.floor((stored.watermarkMs ?? stored.atMs) / 1000),
      file: stored.file,
      pos: stored.pos,
      ...(stored.gtid === null ? {} : { gtids: stored.gtid }),
      server_id: stored.serverId,
    };
  });
}

/** What an import makes of the position: with `dryRun` only said. */
export interface Imported {
  readonly before: PositionRecord;
  readonly after: PositionRecord;
}

/**
 * Takes over where a Debezium was stopped. A feed of ours goes on from its own position, and the raw
 * topics after what Debezium wrote to each of their partitions; a feed that was made from Debezium's
 * topics, which must have been read to their ends, goes on from the binlog at Debezium's offset.
 *
 * @throws OFFSETS_REFUSED when changes would be lost or written twice; ADOPT_GAP when a topic that was
 *   adopted is gone.
 */
export async function importOffset(
  options: HandOverOptions & { readonly dryRun: boolean },
  given: ConnectOffset,
  io: HandOverIo,
): Promise<Imported> {
  const { prefix } = options;
  requireNoSnapshot(given.offset);
  return withSeat(options, io, async () => {
    if (options.dryRun) {
      const before = await readPosition(io.log, prefix, prefix, io.signal);
      return { before: known(before), after: await taken(options, given, known(before), io) };
    }
    // In the order of a tailer: who wrote before is fenced, then its last position is read.
    const writer = await openWriter({ prefix, writeTimeoutMs }, io.log, io.signal);
    const batch = new LogBatch(writer, writeTimeoutMs);
    try {
      const note = encodeLeader(prefix, prefix, io.clock.now());
      await batch.commit([note]);
      const before = known(await readOwnPosition(io.log, prefix, note, io.signal));
      const after = await taken(options, given, before, io);
      await batch.commit([encodePosition(prefix, after)]);
      return { before, after };
    } finally {
      await leave(batch, writer, io);
    }
  });
}

async function taken(
  options: HandOverOptions,
  { server, offset }: ConnectOffset,
  before: PositionRecord,
  { log, clock, signal }: HandOverIo,
): Promise<PositionRecord> {
  const { prefix } = options;
  const { adopted, ...rest } = before;
  const at = { file: offset.file, pos: offset.pos };
  let rawFrom: RawFrom | null = null;
  if (server === prefix)
    rawFrom = await findRawFrom(log, options, at, before.healed?.atMs ?? 0, signal);
  const raw = rawFrom === null ? {} : { rawFrom };
  if (adopted) {
    await requireReadToEnd(log, adopted.offsets, signal);
    return {
      ...rest,
      ...raw,
      ...at,
      gtid: offset.gtids?.replaceAll(/\s/g, '') || null,
      // On MySQL a transaction begins before the place where Debezium has it begin.
      ...(offset.gtids?.includes(':') && (offset.event || offset.row)
        ? { withinTransaction: true as const }
        : {}),
      fileMs: null,
      lastXid: null,
      serverId: offset.server_id ?? before.serverId,
      atMs: clock.now(),
    };
  }
  if (rawFrom === null)
    throw refused(
      'the offset is of another topic prefix, whose topics this feed was not made from',
      {
        server,
        prefix,
      },
    );
  if (before.poll) throw refused('the source is polled: there is no place in a binlog');
  if (before.snapshot) throw refused('our own first snapshot is not finished');
  if (compareBinlogPoints(at, before) < 0)
    throw refused('the offset is older than our own position: Debezium did not go on from there', {
      offset: at,
      position: { file: before.file, pos: before.pos },
    });
  return { ...before, ...raw, atMs: clock.now() };
}

/** What was not adopted yet would be missing in the feed. */
async function requireReadToEnd(
  log: EventLog,
  offsets: AdoptedPlace['offsets'],
  signal: AbortSignal,
): Promise<void> {
  const topics = Object.keys(offsets);
  // An older version did not keep the topics that were not there yet.
  if (topics.length < capturedTables.length)
    throw refused('it is not known which topics have been adopted', {
      fix: 'run `usagestream adopt` once more, with --drain',
    });
  for (const [topic, ends] of await reachOf(log, topics, offsets, signal))
    for (const { partition, next } of ends) {
      const read = offsets[topic]?.[partition] ?? 0;
      if (read >= next) continue;
      throw refused("Debezium's topics have not been adopted to their ends", {
        topic,
        partition,
        read,
        end: next,
        fix: 'stop the connector first, then run `usagestream adopt` until it has read everything',
      });
    }
  signal.throwIfAborted();
}

function known(stored: PositionRecord | null): PositionRecord {
  if (stored) return stored;
  throw refused('there is no feed under this prefix yet', {
    fix: 'run `usagestream adopt` over its topics first, so that the feed has what they hold',
  });
}

/** Does the work as the only one, so that no tailer moves the position meanwhile. */
async function withSeat<T>(
  { prefix, sessionTimeoutMs }: HandOverOptions,
  { log, logger, signal }: HandOverIo,
  work: () => Promise<T>,
): Promise<T> {
  await using leadership = await Leadership.join({ log, prefix, logger, sessionTimeoutMs });
  const patience = AbortSignal.timeout(sessionTimeoutMs + 3000);
  const seat = await leadership.seat(AbortSignal.any([signal, patience]));
  if (!seat) throw refused('a tailer works under this prefix: stop all of them first', { prefix });
  return await work();
}

const refused = (reason: string, facts: Readonly<Record<string, unknown>> = {}) =>
  new AppError('OFFSETS_REFUSED', { reason, ...facts });
