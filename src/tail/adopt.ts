import type { EventId } from '../contracts/ids.ts';
import { AppError } from '../platform/errors.ts';
import type { DebeziumTopics } from './adopt-options.ts';
import type { AdoptSettings } from './adopt-options.ts';
import { AdoptSource } from './adopt-source.ts';
import { EventAccounts } from './event-accounts.ts';
import { findEventAccounts } from './find-event-accounts.ts';
import { LogBatch } from './log-batch.ts';
import { TailOutput } from './output.ts';
import { Placements } from './placement.ts';
import { encodePlacementNote, readOwnPlacements } from './own-placements.ts';
import { checkZones } from './zone-slices.ts';
import { encodeLeader } from './position.ts';
import { leave, openWriter, sayFault, storedPosition } from './session.ts';
import type { FaultContext, TailIo } from './session.ts';
import { encodeState } from './source-state.ts';
import type { SourceChange } from './source.ts';
import { followSource } from './stream.ts';
import { withStreamDefaults } from './tail-options.ts';
import type { StreamOptions, TailResult } from './tail-options.ts';
import { streamsOf } from './written-streams.ts';
import { runLed } from './tailer.ts';
import type { TailerIo } from './tailer.ts';

export type AdoptOptions = Omit<StreamOptions, 'raw'> & {
  readonly topics: DebeziumTopics;
  /** So many changes are handed over at once; 500 by default. */
  readonly takeChanges?: number;
  /** The connector has stopped: read what there is, to the ends of the topics, and end. */
  readonly drain?: boolean;
};

/**
 * Makes the feed from the topics that a Debezium writes instead of from the binlog: the same feed,
 * placements and positions, with the offsets of those topics as the place to go on from. Leads or
 * stands by as a tailer does. The raw topics are the Debezium's own; none are written.
 *
 * @throws ADOPT_UNREADABLE, ADOPT_GAP, TAIL_OTHER_SOURCE, and what runTail throws about the log.
 */
export function runAdopt(options: AdoptOptions, io: TailerIo): Promise<TailResult> {
  const settings = {
    takeChanges: 500,
    drain: false,
    ...withStreamDefaults({ ...options, raw: false }),
  };
  return runLed(settings, io, (watched, turn) => adoptSession(settings, watched, turn));
}

/** One turn as the leader; in the order that session.ts explains. */
async function adoptSession(
  settings: AdoptSettings,
  io: TailIo,
  signal: AbortSignal,
): Promise<'until' | 'stopped'> {
  const { log, logger, metrics, clock } = io;
  const { prefix } = settings;
  const from: FaultContext = {
    source: prefix,
    how: 'adopt',
    server: `Debezium ${settings.topics.prefix}`,
  };
  const writer = await openWriter(settings, log, signal);
  const batch = new LogBatch(writer, settings.writeTimeoutMs);
  try {
    const note = encodeLeader(prefix, prefix, clock.now());
    await batch.commit([note, encodePlacementNote(prefix, note)]);
    const stored = await storedPosition(settings, log, note, signal);
    if (stored && !stored.adopted)
      throw new AppError('TAIL_OTHER_SOURCE', { prefix, reason: 'this feed follows a binlog' });
    metrics.tailLag.follow(clock, stored?.watermarkMs ?? null);
    const { feedPartitions, zones } = settings;
    checkZones(zones, feedPartitions);
    const known = await readOwnPlacements(settings, log, note, stored, signal);
    const placements = new Placements(prefix, feedPartitions, known, zones);
    if (signal.aborted) return 'stopped';
    const accounts = new EventAccounts(settings.cloudSchema);
    const limits = await log.recordLimits?.(streamsOf(settings).map((each) => each.topic(prefix)));
    const output = new TailOutput({
      limits: limits ?? new Map(),
      ...{ settings, batch, placements, accounts, metrics, clock },
      // No raw records are written.
      connector: 'mariadb',
      followed: {
        serverId: stored?.serverId ?? 0,
        serverUuid: null,
        incarnation: stored?.incarnation ?? 0,
        cuts: stored?.cuts ?? [],
        newestEvent: stored?.newestEvent ?? null,
        healed: stored?.healed ?? null,
        poll: null,
      },
    });
    const start = {
      end: { file: stored?.file ?? '', pos: stored?.pos ?? 0 },
      gtid: stored?.gtid ?? null,
      adopted: stored?.adopted ?? { offsets: {}, inSnapshot: false, lagMs: null },
    };
    await using source = new AdoptSource(settings, { log, logger, signal }, start);
    const said = { v: 1, ...from, state: 'adopting', why: null, code: null, fix: null } as const;
    await batch.commit([encodeState(prefix, { ...said, atMs: clock.now() })]);
    logger.info(
      { prefix, from: settings.topics.prefix },
      "adoption of a Debezium's topics started",
    );
    const lookUp = async (changes: readonly SourceChange[]): Promise<void> => {
      const wanted: readonly EventId[] = accounts.unknown(changes);
      const found = await findEventAccounts(log, source.eventPartitions, wanted, signal);
      for (const [event, account] of found) accounts.saw(event, account);
    };
    const watermarkMs = stored?.watermarkMs ?? null;
    const at = { point: { ...start, byGtid: false }, watermarkMs };
    const aids = { end: null, pollClock: () => null, lookUp };
    return await followSource({ settings, io, signal, batch, output }, source, at, aids);
  } catch (fault) {
    await sayFault(fault, from, batch, settings, io, signal);
    throw fault;
  } finally {
    await leave(batch, writer, io);
  }
}
