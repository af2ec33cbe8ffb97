import type { LineageInterval } from '../contracts/usage-row.ts';
import type { Interval } from './intervals.ts';
import type { BilledTime, RowContext } from './usage-row-form.ts';

/** The billed time of all intervals with one key. */
export interface KeyedTime<T extends Interval> extends BilledTime {
  readonly first: T;
  /** Most columns of a row are those of the newest interval of its key. */
  readonly last: T;
}

/** Sums, key by key, what the intervals bill in the window; keys in the order of their first interval. */
export function timeByKey<T extends Interval>(
  ctx: RowContext,
  rows: readonly T[],
  keyOf: (row: T) => string,
): KeyedTime<T>[] {
  const sums = new Map<string, { first: T; last: T; ms: number; lineage: LineageInterval[] }>();
  for (const row of rows) {
    const billed = billedInterval(ctx, row);
    if (billed === null && !isReadAhead(ctx, row)) continue;
    const key = keyOf(row);
    const sum = sums.get(key);
    if (billed === null) {
      if (sum !== undefined) sum.last = row;
      continue;
    }
    if (sum === undefined) {
      sums.set(key, { first: row, last: row, ms: billed.billedMs, lineage: [billed] });
      continue;
    }
    sum.last = row;
    sum.ms += billed.billedMs;
    sum.lineage.push(billed);
  }
  return Array.from(sums, ([key, sum]) => ({ key, ...sum }));
}

/**
 * Of two windows of one run CloudStack reads in the first also what begins in the second and is open:
 * its time does not count, its columns do.
 */
const isReadAhead = ({ window }: RowContext, { beginMs, endMs }: Interval): boolean =>
  endMs === null && beginMs >= window.endMs;

/** The billed time of each interval by itself; its key is the event that opened it. */
export function timeEach<T extends Interval>(
  ctx: RowContext,
  rows: readonly T[],
): (BilledTime & { readonly row: T })[] {
  return rows.flatMap((row) => {
    const billed = billedInterval(ctx, row);
    if (billed === null) return [];
    return [{ key: row.openedBy, ms: billed.billedMs, lineage: [billed], row }];
  });
}

/**
 * The part of an interval that a window bills; null when it bills nothing.
 *
 * CloudStack counts both ends: what is closed at T also bills the millisecond that begins at T, so
 * an interval closed on the very edge bills 1 ms in the next window (quirk `inclusiveMillisecond`).
 */
export function billedInterval(ctx: RowContext, row: Interval): LineageInterval | null {
  const { startMs, endMs } = ctx.window;
  const beginMs = Math.max(row.beginMs, startMs);
  const isClosed = row.endMs !== null && row.endMs < endMs;
  const stopMs = isClosed ? row.endMs : endMs;
  const extraMs = isClosed && ctx.quirks.inclusiveMillisecond ? 1 : 0;
  const billedMs = stopMs - beginMs + extraMs;
  if (billedMs <= 0) return null;
  return {
    openedBy: row.openedBy,
    closedBy: isClosed ? row.closedBy : null,
    beginMs,
    endMs: stopMs,
    billedMs,
  };
}
