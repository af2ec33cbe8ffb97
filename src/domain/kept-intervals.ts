import { tableNames } from './account-state.ts';
import type { AccountState } from './account-state.ts';
import { zero } from './event-rule.ts';
import type { Interval, Intervals, TableName } from './intervals.ts';
import type { Ledger } from './ledger.ts';

type IntervalsByTable = AccountState['intervals'];
/** Tables without a change are absent. */
export type ChangedIntervals = { readonly [T in TableName]?: readonly Intervals[T][] };

/**
 * The intervals that a later window can touch: open ones, and those that end at the window's end or
 * after it. (CloudStack bills 1 ms of what is closed on the very edge in the window that begins there.)
 */
export function nextIntervals(ledger: Ledger): IntervalsByTable {
  const { tables, quirks } = ledger;
  const kept = tableNames.map((name) => {
    const rows: readonly Interval[] = tables[name].rows;
    const next = rows.filter((row) => row.endMs === null || row.endMs >= ledger.window.endMs);
    return [name, next.length === rows.length ? rows : next];
  });
  const next = Object.fromEntries(kept) as unknown as IntervalsByTable;
  return {
    ...next,
    // The end of a VM snapshot is only a mark: once it has one, no later window reads it.
    vmSnapshot: quirks.vmSnapshotChain
      ? next.vmSnapshot.filter((row) => row.endMs === null)
      : next.vmSnapshot,
    // Never billed, and closed by the usage server as soon as it reads them.
    snapshotOnPrimary: next.snapshotOnPrimary.filter((row) => row.physicalSize !== zero),
  };
}

export function changedIntervals({ tables }: Ledger): ChangedIntervals {
  const changed = tableNames.flatMap((name) => {
    const rows: readonly Interval[] = tables[name].changed;
    return rows.length === 0 ? [] : [[name, rows]];
  });
  return Object.fromEntries(changed) as ChangedIntervals;
}
