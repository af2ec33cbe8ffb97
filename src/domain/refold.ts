import type { AccountFacts, BillingSettings, FoldEvent, FoldWindow } from '../contracts/fold.ts';
import type { EpochMs, Window } from '../contracts/time.ts';
import { emptyState, tableNames } from './account-state.ts';
import type { AccountState } from './account-state.ts';
import { renumbered } from './base-state.ts';
import type { BaseState } from './base-state.ts';
import { fold } from './fold.ts';
import type { FoldOutput } from './fold.ts';
import { foldWindow } from './fold-window.ts';
import type { QuirkSet } from './quirks.ts';
import { nextWindow, windowOf } from './window.ts';
import type { WindowSpec } from './window.ts';

export interface RefoldSetup {
  /** The state that late events were not yet folded into. */
  readonly live: AccountState;
  /** As known now. */
  readonly facts: AccountFacts;
  readonly quirks: QuirkSet;
  readonly settings: BillingSettings;
  readonly spec: WindowSpec;
  readonly closeDelayMs: number;
  readonly fold: typeof fold;
  /** Where the account's past begins, if it does so before its first event. */
  readonly base?: BaseState | null;
}

/** Usage types made of totals, not of events: what they were at a past window's end is not kept. */
const countedTypes: ReadonlySet<number> = new Set([4, 5, 21, 22, 23, 24, 29]);

/** Whether rows of a usage type follow from events alone, so that a refold makes them again. */
export const isRefolded = (usageType: number): boolean => !countedTypes.has(usageType);

/**
 * Folds an account again from nothing or its base state, window by window, each event in the window of its time: what would
 * have been billed had none been late. Totals are left out and their bases taken from the live state.
 */
export class Refold {
  readonly #setup: RefoldSetup;
  readonly #facts: AccountFacts;
  #state: AccountState;
  #isQuiet = false;

  constructor(setup: RefoldSetup) {
    const { live, facts, base } = setup;
    this.#setup = setup;
    this.#facts = { ...facts, counters: [], buckets: [] };
    const { accountId, domainId, nextSerial } = live;
    // Serials go on: no interval made again is taken for one that was there before.
    const empty = { ...emptyState(accountId), domainId, nextSerial };
    this.#state = base ? { ...renumbered(base.state, nextSerial), domainId } : empty;
  }

  /** The state to go on with after the last step. */
  get state(): AccountState {
    const { networkBases, diskBases } = this.#setup.live;
    return { ...this.#state, networkBases, diskBases };
  }

  /**
   * Folds the next window.
   * @param events All that were created in it; in the first step also what is older.
   * @throws Error only for a fault of this program.
   */
  step(bounds: Window, events: readonly FoldEvent[]): FoldOutput {
    const { quirks, settings } = this.#setup;
    const window = foldWindow(bounds, this.#setup);
    const facts = factsAt(this.#facts, window);
    const before = this.#state;
    const output = this.#setup.fold({ state: before, window, events, facts, quirks, settings });
    this.#state = output.state;
    this.#isQuiet =
      events.length === 0 &&
      tableNames.every((name) => isSame(output.state.intervals[name], before.intervals[name]));
    return output;
  }

  /**
   * The window to fold after this one: the next, or, when this one changed nothing, the first in which
   * something can: windows between would not change the state either.
   *
   * @param wantedMs Nothing from here on is left out.
   */
  next(window: Window, nextEventMs: EpochMs, wantedMs: EpochMs): Window {
    const { spec } = this.#setup;
    const following = nextWindow(window, spec);
    if (!this.#isQuiet) return following;
    const removedMs = this.#facts.account?.removedMs ?? Infinity;
    const untilMs = Math.min(
      nextEventMs,
      wantedMs,
      removedMs >= window.startMs ? removedMs : Infinity,
    );
    return untilMs < following.endMs ? following : windowOf(untilMs, spec);
  }
}

/** Facts as they were at the run time of a window, as far as they can be told: removals have a time. */
function factsAt(facts: AccountFacts, { runMs }: FoldWindow): AccountFacts {
  const then = <T extends { readonly removedMs: EpochMs | null }>(fact: T): T =>
    fact.removedMs !== null && fact.removedMs > runMs ? { ...fact, removedMs: null } : fact;
  return {
    ...facts,
    account: facts.account === null ? null : then(facts.account),
    templates: facts.templates.map(then),
  };
}

const isSame = (a: readonly object[], b: readonly object[]): boolean =>
  a.length === b.length && a.every((row, at) => row === b[at]);
