import { AppError } from '../platform/errors.ts';
import { pause } from '../platform/lifecycle.ts';
import type { EventLog, OutRecord } from '../platform/log/log.ts';
import { placement } from '../../streams/placement.ts';
import { refuseNewFeed } from './lost-topics.ts';
import { readPlacements } from './placement-record.ts';
import { unseen } from './own-position.ts';
import { accountsOf } from './placement.ts';
import type { KnownPlacements } from './placement.ts';
import { readPosition } from './position.ts';
import type { PositionRecord } from './position.ts';

/** A broker that just started shows all its records by then, ms. */
const shownMs = 3000;
const noteHeader = 'leader';

/**
 * The leader's note, for the placements: a tombstone, which is nothing to a reader and goes by compaction.
 * With it in the log nothing that was committed before can lie there unseen.
 *
 * @param note The leader's record of the positions.
 */
export const encodePlacementNote = (prefix: string, note: OutRecord): OutRecord => ({
  topic: placement.topic(prefix),
  partition: 0,
  key: 'leader',
  value: null,
  headers: { [noteHeader]: String(note.value) },
});

/**
 * The placements, for who writes from now on. An account that was placed and is not among them would be
 * placed again, elsewhere: so there have to be as many as the position says. And where there are some, there
 * is a feed.
 *
 * @param note   The leader's record of the positions, whose placement note was committed before.
 * @param stored The newest position; null when the source was never followed.
 * @throws LOG_UNREACHABLE when the log does not show the note; LOG_TOPIC_MISSING when placements are lost, or
 *   the feed is.
 */
export async function readOwnPlacements(
  { prefix, feedPartitions }: { readonly prefix: string; readonly feedPartitions: number },
  log: EventLog,
  note: OutRecord,
  stored: PositionRecord | null,
  signal: AbortSignal,
): Promise<KnownPlacements> {
  let isThere = false;
  const known = await readPlacements(log, prefix, feedPartitions, signal, ({ headers }) => {
    isThere ||= headers[noteHeader] === note.value;
  });
  // What was read is a part of them, which nobody uses.
  if (signal.aborted) return known;
  if (!isThere) throw unseen(placement.topic(prefix));
  if (areLost(known, stored)) throw lost(prefix, known, stored);
  if (known.partitions.size > 0) await refuseNewFeed(log, prefix);
  return known;
}

/**
 * The placements, for who does not write them.
 * @throws LOG_TOPIC_MISSING when there are fewer than the position says; the signal's reason when it aborts.
 */
export async function readKnownPlacements(
  log: EventLog,
  prefix: string,
  feedPartitions: number,
  signal: AbortSignal,
): Promise<KnownPlacements> {
  // The position first: a tailer that works meanwhile adds to both.
  const stored = await readPosition(log, prefix, prefix, signal);
  let known = await readPlacements(log, prefix, feedPartitions, signal);
  if (areLost(known, stored)) {
    await pause(shownMs, signal);
    known = await readPlacements(log, prefix, feedPartitions, signal);
  }
  // Stopped on the way it has read a part of them.
  signal.throwIfAborted();
  if (areLost(known, stored)) throw lost(prefix, known, stored);
  return known;
}

// A position of an older version does not say how many; an event has an account.
const least = (stored: PositionRecord | null): number =>
  stored?.accounts ?? (stored?.newestEvent ? 1 : 0);

const areLost = (known: KnownPlacements, stored: PositionRecord | null): boolean =>
  accountsOf(known) < least(stored);

const lost = (prefix: string, known: KnownPlacements, stored: PositionRecord | null) =>
  new AppError('LOG_TOPIC_MISSING', {
    topic: placement.topic(prefix),
    reason: 'made anew, or emptied',
    accounts: accountsOf(known),
    expected: least(stored),
  });
