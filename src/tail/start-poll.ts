import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Connection } from '../platform/mysql.ts';
import { runFirstSnapshot } from './first-snapshot.ts';
import { runHeal } from './heal.ts';
import { readHeldEvents } from './held-events.ts';
import { incarnationOf } from './incarnations.ts';
import { LateIds } from './late-ids.ts';
import { leaveRawFrom } from './leave-raw-from.ts';
import { boundBefore, pollPlace, unsettled } from './poll-place.ts';
import type { PositionRecord } from './position.ts';
import { firstRow } from './first-row.ts';
import { mayStillGet } from './replication.ts';
import { compareNewest } from './server-sight.ts';
import type { SessionContext } from './session.ts';

export interface PollStart {
  readonly watermarkMs: EpochMs | null;
  readonly events: LateIds;
  readonly details: LateIds;
}

/**
 * Where polling begins: after the first snapshot, at the last committed poll, or after a healing when the
 * source has not the newest event any more.
 *
 * @returns null when stopped before.
 * @throws SOURCE_BEHIND when a replica lacks it.
 */
export async function startPoll(context: SessionContext): Promise<PollStart | null> {
  const { settings, signal, output, connection, say } = context;
  const { cloudSchema } = settings;
  const stored = await context.readPosition();
  if (signal.aborted) return null;
  if (stored) leaveRawFrom(context, stored, 'the source is polled');
  output.followed = { ...output.followed, poll: stored?.poll ?? unsettled };
  if (stored === null || stored.snapshot !== null) {
    await say({ state: 'snapshot', how: 'poll', why: null });
    const point = { ...pollPlace, byGtid: false };
    const done = await runFirstSnapshot(context, stored && { stored, point });
    return done && begin(context, await context.readPosition());
  }
  const newest = await compareNewest(connection, cloudSchema, stored.newestEvent);
  if (newest === 'same' || newest === 'unknown') return begin(context, stored);
  const why = newest === 'missing' ? 'newest event missing' : 'newest event differs';
  const stillGets = newest === 'missing' ? await mayStillGet(connection) : null;
  if (stillGets !== null)
    throw new AppError('SOURCE_BEHIND', {
      reason: `this server lacks the newest event, and ${stillGets}`,
    });
  if (settings.onSourceChange === 'stop')
    throw new AppError('TAIL_POSITION_PURGED', { reason: why });
  await say({ state: 'healing', how: 'heal', why });
  const healed = await runHeal(context, stored, why);
  return healed && begin(context, await context.readPosition());
}

async function begin(
  context: SessionContext,
  stored: PositionRecord | null,
): Promise<PollStart | null> {
  const { settings, io, signal, connection } = context;
  if (stored === null) return null;
  const { watermarkMs, poll, cuts } = stored;
  const backMs = Math.max(settings.pollWindowMs, settings.healBackMs);
  const fromMs = watermarkMs === null ? -Infinity : watermarkMs - backMs;
  const held = await readHeldEvents({
    log: io.log,
    prefix: settings.prefix,
    fromMs: fromMs - backMs,
    incarnationOf: (id) => incarnationOf(cuts, id),
    limit: settings.healLimit,
    signal,
  });
  if (signal.aborted) return null;
  const { cloudSchema } = settings;
  const settled = poll?.settledId ?? (await boundBefore(connection, cloudSchema, fromMs, held));
  const settledDetail =
    poll?.settledDetailId ?? (await detailBefore(connection, cloudSchema, settled));
  const details = [...held.details].map((key) => key.slice(0, key.indexOf(' ')));
  return {
    watermarkMs,
    events: new LateIds(settled, held.events.keys()),
    details: new LateIds(settledDetail, details),
  };
}

async function detailBefore(
  connection: Connection,
  cloudSchema: string,
  eventId: string,
): Promise<string> {
  const row = await firstRow(
    connection,
    `SELECT CAST(d.id AS CHAR) id FROM ${quoteName(cloudSchema, 'usage_event_details')} d
     WHERE d.usage_event_id <= ? ORDER BY d.usage_event_id DESC, d.id DESC LIMIT 1`,
    [eventId],
  );
  return row?.['id'] ?? '0';
}
