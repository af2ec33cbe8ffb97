import type { AccountFacts, FoldEvent } from '../../src/contracts/fold.ts';
import type { Account, Template } from '../../src/contracts/feed-record.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import type { EpochMs, Window } from '../../src/contracts/time.ts';
import { correctAccount } from '../../src/aggregate/correct-account.ts';
import type { Corrected, History } from '../../src/aggregate/correct-account.ts';
import { emptyState } from '../../src/domain/account-state.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import type { Correction, Published } from '../../src/domain/correction.ts';
import { fold } from '../../src/domain/fold.ts';
import { naturalKey } from '../../src/domain/natural-key.ts';
import { rowColumns, withChanges } from '../../src/domain/row-columns.ts';
import type { RowColumns } from '../../src/domain/row-columns.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import { account, accountRow, delayMs } from './fold-story.ts';

/** An event and the close that is the first to see it: the number of the window, from 0. */
export interface Arrival {
  readonly event: FoldEvent;
  readonly seenBy: number;
}

export interface LateStory {
  readonly arrivals: readonly Arrival[];
  readonly rangeMs: number;
  readonly windows: number;
  readonly preset: Preset;
  readonly account?: Partial<Account>;
  readonly templates?: readonly Template[];
}

/** What stands in the end. */
export interface LateOutcome {
  /** By natural key: what the rows of `usage` say. */
  readonly rows: ReadonlyMap<string, UsageRow>;
  readonly corrections: readonly (Correction & { readonly madeAt: number })[];
  readonly corrected: readonly Corrected[];
  readonly state: AccountState;
}

/** Closes window after window as the aggregate stage does, with corrections. */
export async function playLate(story: LateStory): Promise<LateOutcome> {
  const { arrivals, rangeMs, windows, preset } = story;
  const quirks = quirkSet(preset);
  const spec = { rangeMinutes: rangeMs / 60_000, timeZone: 'GMT' };
  const settings = { snapshotVirtualSize: false };
  const rows = new Map<string, UsageRow>();
  const corrections: (Correction & { madeAt: number })[] = [];
  const corrected: Corrected[] = [];
  let state = emptyState(account);
  for (let at = 0; at < windows; at++) {
    const window = { startMs: at * rangeMs, endMs: (at + 1) * rangeMs };
    const runMs = window.endMs + delayMs;
    const facts = factsAt(story, runMs);
    const seen = arrivals.filter(({ seenBy }) => seenBy === at).map(({ event }) => event);
    const late = seen.filter(({ createdMs }) => createdMs < window.startMs);
    if (late.length > 0) {
      const known = arrivals.filter(({ seenBy }) => seenBy <= at).map(({ event }) => event);
      const past = { quirks, settings, spec, closeDelayMs: delayMs, fold, facts, live: state };
      const history = new HeldHistory(
        known.filter(({ createdMs }) => createdMs < window.startMs),
        rows,
        corrections,
      );
      const result = await correctAccount({ ...past, late, current: window }, history);
      corrected.push(result);
      corrections.push(...result.corrections.map((one) => ({ ...one, madeAt: at })));
      state = result.state;
    }
    const events = seen.filter(({ createdMs }) => createdMs >= window.startMs);
    const output = fold({ state, window: { ...window, runMs }, events, facts, quirks, settings });
    for (const row of output.rows) rows.set(naturalKey(row, window.startMs), row);
    state = output.state;
  }
  return { rows, corrections, corrected, state };
}

function factsAt(story: LateStory, runMs: EpochMs): AccountFacts {
  const row = accountRow(story.account);
  const removedMs = row.removedMs !== null && row.removedMs <= runMs ? row.removedMs : null;
  return {
    account: { ...row, removedMs },
    counters: [],
    templates: story.templates ?? [],
    buckets: [],
  };
}

/** Rows and corrections together, by natural key of the row; zeros are left out. */
export function standing({ rows, corrections }: LateOutcome): ReadonlyMap<string, bigint> {
  const sums = new Map([...rows].map(([key, row]) => [key, BigInt(row.quantity)]));
  for (const { naturalKey: key, delta } of corrections)
    sums.set(key, (sums.get(key) ?? 0n) + delta);
  return new Map(
    [...sums].filter(([, sum]) => sum !== 0n).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

const none: Published = { quantity: 0n, hasRow: false, columns: {} };

/** Columns of rows as their corrections leave them, by natural key; of those of which anything stands. */
export function standingColumns(outcome: LateOutcome): ReadonlyMap<string, RowColumns> {
  const columns = new Map([...outcome.rows].map(([key, row]) => [key, rowColumns(row)]));
  for (const { naturalKey: key, changes } of outcome.corrections)
    columns.set(key, withChanges(columns.get(key) ?? {}, changes));
  const set = (key: string) =>
    Object.entries(columns.get(key) ?? {}).filter(([, cell]) => cell !== null);
  return new Map([...standing(outcome).keys()].map((key) => [key, Object.fromEntries(set(key))]));
}

class HeldHistory implements History {
  readonly #events: FoldEvent[];
  readonly #rows: LateOutcome['rows'];
  readonly #corrections: LateOutcome['corrections'];

  constructor(
    events: readonly FoldEvent[],
    rows: LateOutcome['rows'],
    corrections: LateOutcome['corrections'],
  ) {
    this.#events = events.toSorted(
      (a, b) => a.createdMs - b.createdMs || Number(a.id) - Number(b.id),
    );
    this.#rows = rows;
    this.#corrections = [...corrections];
  }

  nextMs(): Promise<number> {
    return Promise.resolve(this.#events[0]?.createdMs ?? Infinity);
  }

  takeUntil(endMs: EpochMs): Promise<readonly FoldEvent[]> {
    const count = this.#events.filter(({ createdMs }) => createdMs < endMs).length;
    return Promise.resolve(this.#events.splice(0, count));
  }

  published(windows: readonly Window[]): Promise<ReadonlyMap<string, Published>[]> {
    return Promise.resolve(windows.map(({ startMs }) => this.#publishedIn(startMs)));
  }

  pause(): Promise<void> {
    return Promise.resolve();
  }

  #publishedIn(startMs: EpochMs): Map<string, Published> {
    const found = new Map<string, Published>();
    for (const [key, row] of this.#rows)
      if (naturalKey(row, startMs) === key)
        found.set(key, {
          quantity: BigInt(row.quantity),
          hasRow: true,
          columns: rowColumns(row),
        });
    for (const { naturalKey: key, delta, window, changes } of this.#corrections) {
      if (window.startMs !== startMs) continue;
      const { quantity, hasRow, columns } = found.get(key) ?? none;
      found.set(key, {
        quantity: quantity + delta,
        hasRow,
        columns: withChanges(columns, changes),
      });
    }
    return found;
  }
}
