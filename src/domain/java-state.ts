import type { AccountId, U64 } from '../contracts/ids.ts';
import { compareU64, u64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { emptyState, tableNames } from './account-state.ts';
import type { AccountState, CounterBase } from './account-state.ts';
import { intervalOf, unknownEvent } from './helper-interval.ts';
import type { HelperCells } from './helper-interval.ts';
import type { Interval, TableName } from './intervals.ts';
import { keptIntervals } from './kept-intervals.ts';
import type { QuirkSet } from './quirks.ts';

/** A row of an interval table with what other tables know of it. */
export interface JavaRow {
  readonly table: TableName;
  readonly id: U64;
  readonly cells: HelperCells;
  /** The event that has the time and resource of its begin, if one is known. */
  readonly openedBy: U64 | null;
}

/** What a Java usage server left of one account at the end of its last window. */
export interface JavaAccount {
  readonly accountId: AccountId;
  /** Of its copy of the account; null when it has none. */
  readonly domainId: U64 | null;
  /** In any order. */
  readonly rows: readonly JavaRow[];
  readonly networkBases: readonly CounterBase[];
  readonly diskBases: readonly CounterBase[];
}

/** Which row of which table an interval of a state is. */
export interface TakenRow {
  readonly table: TableName;
  readonly serial: number;
  readonly id: U64;
}

/**
 * The state that a fold goes on with where a Java usage server stopped, and which rows its intervals are.
 *
 * @param startMs Start of the first window that the server did not bill.
 * @throws RangeError when a row cannot be read: see intervalOf.
 */
export function javaState(
  account: JavaAccount,
  startMs: EpochMs,
  quirks: QuirkSet,
): { readonly state: AccountState; readonly taken: readonly TakenRow[] } {
  const { accountId, domainId, networkBases, diskBases } = account;
  const byTable = Map.groupBy(account.rows, ({ table }) => table);
  let serial = 1;
  const idOf = new Map<number, U64>();
  const all = tableNames.map((name): [TableName, Interval[]] => {
    const rows = (byTable.get(name) ?? []).toSorted((a, b) => compareU64(a.id, b.id));
    return [
      name,
      rows.map((row) => {
        idOf.set(serial, row.id);
        const openedBy = row.openedBy === null ? unknownEvent(row.id) : u64(row.openedBy);
        return intervalOf(name, row.cells, {
          ...{ serial: serial++, openedBy: openedBy as Interval['openedBy'], closedBy: null },
        });
      }),
    ];
  });
  const intervals = keptIntervals(
    Object.fromEntries(all) as unknown as AccountState['intervals'],
    startMs,
    quirks,
  );
  const taken = tableNames.flatMap((table) =>
    intervals[table].map((row) => ({ table, serial: row.serial, id: idOf.get(row.serial)! })),
  );
  const state = { ...emptyState(accountId), domainId, nextSerial: serial, intervals };
  return { state: { ...state, networkBases, diskBases }, taken };
}

/** A row of `usage_network` or `usage_vm_disk`: totals at the end of a window. */
export interface TotalsRow extends CounterBase {
  readonly eventMs: EpochMs;
}

/**
 * The bases of an account's counters out of all its rows, or its newest: those of the newest window of a zone
 * where a counter that was gone for a window counts from 0 again, else of each counter its newest.
 */
export function counterBases(rows: readonly TotalsRow[], quirks: QuirkSet): CounterBase[] {
  const keyOf = (row: TotalsRow) =>
    quirks.returningCounterChargedInFull
      ? row.zoneId
      : `${row.zoneId}-${row.ownerId}-${row.partId}`;
  const newest = new Map<string, EpochMs>();
  for (const row of rows)
    newest.set(keyOf(row), Math.max(row.eventMs, newest.get(keyOf(row)) ?? -Infinity));
  return rows
    .filter((row) => row.eventMs === newest.get(keyOf(row)))
    .map(({ zoneId, ownerId, partId, totals }) => ({ zoneId, ownerId, partId, totals }));
}
