import type { AccountFacts, BillingSettings, FoldEvent } from '../../src/contracts/fold.ts';
import type { AccountId, EventId } from '../../src/contracts/ids.ts';
import type { EpochMs, Window } from '../../src/contracts/time.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { emptyState } from '../../src/domain/account-state.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { correctionsOf } from '../../src/domain/correction.ts';
import type { LateEvent, Published } from '../../src/domain/correction.ts';
import { foldWindow } from '../../src/domain/fold-window.ts';
import { fold } from '../../src/domain/fold.ts';
import { naturalKey } from '../../src/domain/natural-key.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { rowColumns, withChanges } from '../../src/domain/row-columns.ts';
import type { ServerWindows } from './server-windows.ts';

const quirks = quirkSet('java-4.23');

/** How the windows of an account are folded. */
export interface BookRules {
  readonly windows: ServerWindows;
  /** From the end of a window to its run. */
  readonly delayMs: number;
  readonly settings: BillingSettings;
}

type Join = (event: FoldEvent) => FoldEvent;

/** All that is known of an account, what it came to, and what was made good. */
export class RefoldedBook {
  readonly accountId: AccountId;
  readonly rows: UsageRow[] = [];
  wasLate = false;
  readonly #rules: BookRules;
  /** By the window that they were created in. */
  readonly #events = new Map<EpochMs, FoldEvent[]>();
  readonly #eventIds = new Map<EventId, FoldEvent>();
  /** The state that each window began with. */
  readonly #states = new Map<EpochMs, AccountState>();
  readonly #published = new Map<EpochMs, Map<string, Published>>();
  #late = new Map<EventId, LateEvent>();
  #state: AccountState;

  constructor(accountId: AccountId, rules: BookRules) {
    this.accountId = accountId;
    this.#rules = rules;
    this.#state = emptyState(accountId);
  }

  /** @param openMs Start of the window that is to be closed next. */
  take(event: FoldEvent, openMs: EpochMs): void {
    const windowMs = this.#rules.windows.around(event.createdMs).startMs;
    const own = this.#events.get(windowMs) ?? [];
    this.#events.set(windowMs, own);
    own.push(event);
    this.#eventIds.set(event.id, event);
    if (event.createdMs < openMs) this.#late.set(event.id, event);
  }

  /** A detail of an event that is there; one that a fold has had already is late. */
  takeDetail(id: EventId, openMs: EpochMs): void {
    const event = this.#eventIds.get(id);
    if (event === undefined || event.createdMs >= openMs || this.#late.has(id)) return;
    this.#late.set(id, { ...event, isDetailOnly: true });
  }

  close(window: Window, facts: AccountFacts, join: Join): void {
    const { startMs } = window;
    if (this.#late.size > 0) this.#correct(window, facts, join);
    this.#states.set(startMs, this.#state);
    const output = this.#fold(window, facts, join);
    this.#state = output.state;
    this.rows.push(...output.rows);
    const keyed = output.rows.map((row) => [naturalKey(row, startMs), publishedAs(row)] as const);
    this.#published.set(startMs, new Map(keyed));
  }

  #correct(current: Window, facts: AccountFacts, join: Join): void {
    this.wasLate = true;
    const late = [...this.#late.values()];
    this.#late = new Map();
    const first = this.#rules.windows.around(Math.min(...late.map(({ createdMs }) => createdMs)));
    // Totals are not made of events: their bases stay as they are.
    const { networkBases, diskBases, domainId } = this.#state;
    const uncounted = { ...facts, counters: [], buckets: [] };
    this.#state = this.#states.get(first.startMs) ?? { ...emptyState(this.accountId), domainId };
    for (
      let window = first;
      window.startMs < current.startMs;
      window = this.#rules.windows.after(window)
    ) {
      const { startMs } = window;
      this.#states.set(startMs, this.#state);
      const { state, rows } = this.#fold(window, uncounted, join);
      this.#state = state;
      const published = this.#published.get(startMs) ?? new Map<string, Published>();
      this.#published.set(startMs, published);
      const { accountId } = this;
      for (const one of correctionsOf({ accountId, window, current, rows, published, late })) {
        if (one.row !== null) this.rows.push(one.row);
        const before = published.get(one.naturalKey);
        published.set(one.naturalKey, {
          quantity: one.newQuantity,
          hasRow: before?.hasRow ?? false,
          columns: withChanges(before?.columns ?? {}, one.changes),
        });
      }
    }
    this.#state = { ...this.#state, networkBases, diskBases };
  }

  #fold(bounds: Window, facts: AccountFacts, join: Join) {
    const { windows, delayMs: closeDelayMs, settings } = this.#rules;
    const window = foldWindow(bounds, { quirks, spec: windows.spec, closeDelayMs });
    const events = (this.#events.get(bounds.startMs) ?? []).map(join);
    const given = { ...facts, account: accountAt(facts, window.runMs) };
    return fold({ quirks, settings, state: this.#state, window, events, facts: given });
  }
}

/** As it was at the run of a past window. */
function accountAt({ account }: AccountFacts, runMs: EpochMs): AccountFacts['account'] {
  if (account?.removedMs == null || account.removedMs <= runMs) return account;
  return { ...account, removedMs: null };
}

const publishedAs = (row: UsageRow): Published => ({
  quantity: BigInt(row.quantity),
  hasRow: true,
  columns: rowColumns(row),
});
