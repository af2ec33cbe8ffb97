import { AppError } from '../platform/errors.ts';
import type { EventLog, OutRecord } from '../platform/log/log.ts';
import { decodePosition, readNewest } from './position.ts';
import type { PositionRecord } from './position.ts';

/**
 * The newest committed resume position, for who writes from now on; null when the source was never followed.
 * What is read has to end after our own note: a broker that does not know the topic, or not its end, would
 * let a feed begin again, or go on from a place that it is long past.
 *
 * @param note The leader's record that was committed before.
 * @throws LOG_UNREACHABLE when the log does not show the note.
 */
export async function readOwnPosition(
  log: EventLog,
  prefix: string,
  note: OutRecord,
  signal: AbortSignal,
): Promise<PositionRecord | null> {
  let isThere = false;
  // Another may have taken the lead since: then the next write is refused.
  const saw = (value: string) => void (isThere ||= value === note.value);
  const found = await readNewest(log, prefix, [prefix, String(note.key)], signal, saw);
  if (signal.aborted) return null;
  if (!isThere) throw unseen(note.topic);
  const value = found.get(prefix);
  return value === undefined ? null : decodePosition(value);
}

/** A topic does not show the note that was committed to it. */
export const unseen = (topic: string): AppError =>
  new AppError('LOG_UNREACHABLE', {
    topic,
    reason: 'what was just committed is not there to be read',
  });
