import type { AccountFacts, FoldEvent, FoldWindow, Refused } from '../../src/contracts/fold.ts';
import type { AccountId } from '../../src/contracts/ids.ts';
import type { Window } from '../../src/contracts/time.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { emptyState, tableNames } from '../../src/domain/account-state.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import type { FoldOutput } from '../../src/domain/fold.ts';
import type { Interval } from '../../src/domain/intervals.ts';
import { quirkSet } from '../../src/domain/quirks.ts';

const quirks = quirkSet('java-4.23');
const settings = { snapshotVirtualSize: false };
const day = 86_400_000;

/**
 * The helper tables of one account: all intervals that there ever were, so that a window of the past
 * can be computed again. Steps return the next book, the one before stays as it was.
 */
export class JavaBook {
  readonly #state: AccountState;

  constructor(state: AccountState) {
    this.#state = state;
  }

  static empty(id: AccountId): JavaBook {
    return new JavaBook(emptyState(id));
  }

  /** Lets events act; writes no rows. */
  apply(
    events: readonly FoldEvent[],
    facts: AccountFacts,
    window: FoldWindow,
  ): { book: JavaBook; refused: readonly Refused[] } {
    // Of an account that is long gone a fold takes the events and bills nothing.
    const { account } = facts;
    const gone = account && { ...account, removedMs: window.startMs - 9 * day };
    const silent = { account: gone, counters: [], templates: [], buckets: [] };
    const output = fold({ state: this.#state, window, events, facts: silent, quirks, settings });
    return { book: this.#after(output), refused: output.refused };
  }

  /** The rows of a window; statistics are counted when `counts` says so. */
  parse(
    facts: AccountFacts,
    window: FoldWindow,
    counts: boolean,
  ): { book: JavaBook; rows: readonly UsageRow[] } {
    const { counters } = facts;
    const read = counts ? counters : counters.filter((row) => row.table === 'bucket_statistics');
    const output = fold({
      state: this.#state,
      window,
      events: [],
      facts: { ...facts, counters: read },
      quirks,
      settings,
    });
    return { book: this.#after(output), rows: output.rows };
  }

  #after({ state, changed }: FoldOutput): JavaBook {
    const intervals: Record<string, readonly Interval[]> = {};
    for (const name of tableNames)
      intervals[name] = merge(this.#state.intervals[name], changed[name] ?? []);
    return new JavaBook({
      ...state,
      intervals: intervals as unknown as AccountState['intervals'],
    });
  }
}

/** Both in serial order; what was changed takes the place of what was. */
function merge(before: readonly Interval[], changed: readonly Interval[]): readonly Interval[] {
  if (changed.length === 0) return before;
  const rows = new Map(before.map((row) => [row.serial, row]));
  for (const row of changed) rows.set(row.serial, row);
  return [...rows.values()].toSorted((a, b) => a.serial - b.serial);
}

const countedTypes = new Set([4, 5, 21, 22, 23, 24]);

/** Rows of the statistics types. */
export const isCounted = (row: UsageRow): boolean => countedTypes.has(row.usageType);

/** Rows of the statistics that fall into one window, added up by what they count. */
export function sumCounted(rows: readonly UsageRow[], window: Window): UsageRow[] {
  const sums = new Map<string, UsageRow>();
  for (const row of rows) {
    const key = `${row.usageType} ${row.key}`;
    const amount = BigInt(row.quantity) + BigInt(sums.get(key)?.quantity ?? 0);
    sums.set(key, {
      ...row,
      quantity: String(amount),
      rawUsage: Number(amount),
      usageDisplay: row.usageDisplay.replace(/^\d+/, String(amount)),
      startMs: window.startMs,
      endMs: window.endMs - 1,
    });
  }
  return [...sums.values()];
}
