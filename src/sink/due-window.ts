import type { EpochMs, Window } from '../contracts/time.ts';
import { nextWindow, windowOf } from '../domain/window.ts';
import type { Generation } from './generation.ts';
import type { Session } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/** How far the generation has closed and been published. */
export interface Frontier {
  /** Every partition has closed all windows that end by then; null while one has closed none. */
  readonly closedUntilMs: EpochMs | null;
  /** End of the newest published window; null before the first. */
  readonly publishedUntilMs: EpochMs | null;
  /** The one window that may be published next; null while it cannot be known. */
  readonly next: Window | null;
}

/**
 * Reads the frontier. Windows are published in grid order, also those without a row. The first is the
 * earliest that a partition opened; it is certain when every partition has closed one, because from then on
 * none opens an earlier one.
 */
export async function readFrontier(
  session: Session,
  t: StoreTables,
  generation: Generation,
): Promise<Frontier> {
  const { id, spec, feedPartitions } = generation;
  const progress = await session.row(
    `SELECT COUNT(closed_until_ms) AS closed, MIN(closed_until_ms) AS until_ms,
       MIN(opened_ms) AS opened_ms
     FROM ${t.progress} WHERE generation = ? AND partition_id < ?`,
    [id, feedPartitions],
  );
  const all = Number(progress?.['closed']) === feedPartitions;
  const closedUntilMs = all ? Number(progress?.['until_ms']) : null;
  const last = await session.row(
    `SELECT window_start_ms, window_end_ms FROM ${t.publishedWindow}
     WHERE generation = ? ORDER BY window_start_ms DESC LIMIT 1`,
    [id],
  );
  if (last) {
    const window = {
      startMs: Number(last['window_start_ms']),
      endMs: Number(last['window_end_ms']),
    };
    return { closedUntilMs, publishedUntilMs: window.endMs, next: nextWindow(window, spec) };
  }
  const first = await session.row(
    `SELECT MIN(window_start_ms) AS start_ms FROM ${t.record} WHERE generation = ?`,
    [id],
  );
  const starts = [progress?.['opened_ms'], first?.['start_ms']]
    .filter((start) => start !== null && start !== undefined)
    .map(Number);
  const known = closedUntilMs !== null && starts.length > 0;
  return {
    closedUntilMs,
    publishedUntilMs: null,
    next: known ? windowOf(Math.min(...starts), spec) : null,
  };
}

/** True when every partition has closed the next window. */
export const isDue = (frontier: Frontier): frontier is Frontier & { next: Window } =>
  frontier.next !== null &&
  frontier.closedUntilMs !== null &&
  frontier.closedUntilMs >= frontier.next.endMs;

/** True when every window that ends by `untilMs` is closed everywhere and published. */
export const isPublishedUntil = (
  frontier: Frontier,
  untilMs: EpochMs,
  generation: Generation,
): boolean =>
  frontier.closedUntilMs !== null &&
  frontier.closedUntilMs >= windowOf(untilMs, generation.spec).startMs &&
  (frontier.next === null || frontier.next.endMs > untilMs);
