import type { EpochMs } from '../contracts/time.ts';
import { tableNames } from './account-state.ts';
import type { AccountState } from './account-state.ts';
import { zero } from './event-rule.ts';
import type { Interval, Intervals, TableName } from './intervals.ts';
import type { Ledger } from './ledger.ts';
import type { QuirkSet } from './quirks.ts';

type IntervalsByTable = AccountState['intervals'];
/** Tables without a change are absent. */
export type ChangedIntervals = { readonly [T in TableName]?: readonly Intervals[T][] };

/**
 * The intervals that a later window can touch: open ones, and those that end at the window's end or
 * after it. (CloudStack bills 1 ms of what is closed on the very edge in the window that begins there.)
 */
export function nextIntervals({ tables, window, quirks }: Ledger): IntervalsByTable {
  const rows = tableNames.map((name) => [name, tables[name].rows]);
  return keptIntervals(
    Object.fromEntries(rows) as unknown as IntervalsByTable,
    window.endMs,
    quirks,
  );
}

/** Those of these intervals that a window from `endMs` on can touch, as {@link nextIntervals}. */
export function keptIntervals(
  intervals: IntervalsByTable,
  endMs: EpochMs,
  quirks: QuirkSet,
): IntervalsByTable {
  const kept = tableNames.map((name) => {
    const rows: readonly Interval[] = intervals[name];
    const next = rows.filter((row) => row.endMs === null || row.endMs >= endMs);
    return [name, next.length === rows.length ? rows : next];
  });
  const next = Object.fromEntries(kept) as unknown as IntervalsByTable;
  return {
    ...next,
    // The end of a VM snapshot is only a mark: once it has one, no later window reads it.
    vmSnapshot: quirks.vmSnapshotChain
      ? next.vmSnapshot.filter((row) => row.endMs === null)
      : next.vmSnapshot,
    // The same of one without bytes, which is marked when it is read.
    snapshotOnPrimary: quirks.emptySnapshotOnPrimaryEnds
      ? next.snapshotOnPrimary.filter((row) => row.endMs === null || row.physicalSize !== zero)
      : next.snapshotOnPrimary,
  };
}

export function changedIntervals({ tables }: Ledger): ChangedIntervals {
  const changed = tableNames.flatMap((name) => {
    const rows: readonly Interval[] = tables[name].changed;
    return rows.length === 0 ? [] : [[name, rows]];
  });
  return Object.fromEntries(changed) as ChangedIntervals;
}
