import { AppError } from '../platform/errors.ts';
import { compareBinlogPoints } from './binlog-point.ts';
import { runFirstSnapshot } from './first-snapshot.ts';
import { runHeal } from './heal.ts';
import { leaveRawFrom } from './leave-raw-from.ts';
import { lookIntoBinlog } from './newest-event-since.ts';
import { placeOf } from './place-of.ts';
import type { PositionRecord } from './position.ts';
import { decideResume } from './resume-decision.ts';
import type { ResumeDecision } from './resume-decision.ts';
import { lookAtServer } from './server-sight.ts';
import type { SessionContext, StreamStart } from './session.ts';

/**
 * Takes up the reading where the last committed position says, or as the server, which may have changed
 * since, allows.
 *
 * @param refused The server has just refused that place.
 * @returns null when stopped before the end of a snapshot or of a healing.
 * @throws SOURCE_BEHIND when the server has not yet what was read; TAIL_POSITION_PURGED when the source
 *   changed and is to be left alone then; OFFSETS_REFUSED while raw records were to begin later.
 */
export async function resumeFrom(
  context: SessionContext,
  refused: boolean,
): Promise<StreamStart | null> {
  const { signal, output, say } = context;
  const stored = await context.readPosition();
  if (signal.aborted) return null;
  if (stored === null) {
    await say({ state: 'snapshot', how: 'start', why: null });
    const start = await runFirstSnapshot(context, null);
    if (start) await say({ state: 'following', how: 'start', why: null });
    return start;
  }
  const decision = await decide(context, stored, refused);
  if (signal.aborted) return null;
  // By GTID on its own server: the places of raw records mean what they meant.
  const stays = stored.withinTransaction === true && stored.serverId === context.identity.serverId;
  if (decision.how === 'heal' || (decision.how === 'gtid' && !stays))
    leaveRawFrom(context, stored, decision.how === 'heal' ? decision.why : 'another server');
  if (decision.how === 'heal') return heal(context, stored, decision.why);

  const byGtid = decision.how === 'gtid';
  const point = { ...placeOf(stored), byGtid };
  const { how } = decision;
  if (!byGtid) {
    // A commit that a broker acknowledged and lost sight of: the same for the partitions of the feed.
    output.announce(stored.watermarkMs, point);
    await output.commit(point, stored.watermarkMs, stored.snapshot);
  }
  if (stored.snapshot !== null) {
    await say({ state: 'snapshot', how, why: null });
    const start = await runFirstSnapshot(context, { stored, point });
    if (start) await say({ state: 'following', how, why: null });
    return start;
  }
  await say({ state: 'following', how, why: byGtid ? 'another server' : null });
  return { point, watermarkMs: stored.watermarkMs };
}

async function decide(
  context: SessionContext,
  stored: PositionRecord,
  refused: boolean,
): Promise<Exclude<ResumeDecision, { how: 'wait' }>> {
  if (stored.poll !== null) return { how: 'heal', why: 'no place in a binlog' };
  const { connection, settings, identity, io } = context;
  // The place only grows: after the healing it lies behind.
  if (settings.healPast && compareBinlogPoints(stored, settings.healPast) <= 0)
    return { how: 'heal', why: 'told to heal' };
  const sight = await lookAtServer(connection, settings.cloudSchema, identity, stored);
  const seen = await lookIntoBinlog(context, stored, { ...sight, refused });
  const decision = decideResume(stored, seen);
  if (decision.how !== 'position')
    io.logger.info(
      {
        ...decision,
        stored: { file: stored.file, pos: stored.pos, gtid: stored.gtid, server: stored.serverId },
        server: seen.serverId,
        gtidAtPlace: seen.gtidAtPlace,
        executed: seen.executed,
        newestEvent: seen.newestEvent,
        lastXid: seen.lastXid,
      },
      'source is not where it was left',
    );
  if (decision.how === 'wait')
    throw new AppError('SOURCE_BEHIND', {
      reason: `this server lacks changes that were already read, and ${seen.stillGets ?? 'is a replica'}`,
      server: seen.serverId,
      ours: stored.gtid,
      theirs: seen.executed,
    });
  return decision;
}

async function heal(
  context: SessionContext,
  stored: PositionRecord,
  why: string,
): Promise<StreamStart | null> {
  const { settings, identity, say } = context;
  if (settings.onSourceChange === 'stop')
    throw new AppError('TAIL_POSITION_PURGED', {
      reason: why,
      file: stored.file,
      pos: stored.pos,
      gtid: stored.gtid,
      server: identity.serverId,
    });
  await say({ state: 'healing', how: 'heal', why });
  const start = await runHeal(context, stored, why);
  if (start) await say({ state: 'following', how: 'heal', why });
  return start;
}
