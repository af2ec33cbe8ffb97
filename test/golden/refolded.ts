import type { AccountFacts, FoldEvent } from '../../src/contracts/fold.ts';
import type { AccountId } from '../../src/contracts/ids.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { emptyState } from '../../src/domain/account-state.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { CloudContent } from '../support/cloud-content.ts';
import { formatGoldenRows } from '../support/golden.ts';
import type { Golden } from '../support/golden.ts';
import { goldenLines } from '../support/published-lines.ts';
import { countLines } from './counts.ts';
import type { Counts } from './counts.ts';
import { factsOfLine } from './resources.ts';

const common = {
  quirks: quirkSet('java-4.23'),
  settings: { snapshotVirtualSize: false },
} as const;

/**
 * The rows of a server that, when an event comes late, folds the account again from its first event, so
 * that each window after that is computed from what was the case: as we do, but for the corrections.
 *
 * @param literal The rows of one that lets a late event act on what is there when it comes.
 */
export function refoldedRows(golden: Golden, literal: Counts): Counts {
  const content = new CloudContent(golden.changes);
  const books = new Map<AccountId, Book>();
  for (let startMs = golden.fromMs; startMs < golden.toMs; startMs += golden.rangeMs) {
    const runMs = startMs + golden.rangeMs + golden.runDelayMs;
    content.advance(runMs);
    for (const event of content.arrivals()) {
      const book = books.get(event.accountId) ?? new Book(golden, event.accountId);
      books.set(event.accountId, book);
      book.take(event, startMs);
    }
    const facts = content.facts();
    for (const book of books.values())
      book.close(startMs, facts.get(book.accountId), (event) => content.withDetails(event));
  }
  const late = new Map([...books].filter(([, book]) => book.wasLate));
  if (late.size === 0) return literal;
  const isLate = (line: string) => late.has(factsOfLine(line).accountId as AccountId);
  const rows = [...late.values()].flatMap((book) => book.rows);
  return new Map([
    ...[...literal].filter(([line]) => !isLate(line)),
    ...countLines(goldenLines(formatGoldenRows(rows))),
  ]);
}

/** All that is known of an account, and what it came to. */
class Book {
  readonly accountId: AccountId;
  readonly rows: UsageRow[] = [];
  wasLate = false;
  readonly #golden: Golden;
  readonly #events: FoldEvent[] = [];
  #isStale = false;
  #state: AccountState;

  constructor(golden: Golden, accountId: AccountId) {
    this.accountId = accountId;
    this.#golden = golden;
    this.#state = emptyState(accountId);
  }

  take(event: FoldEvent, openMs: number): void {
    this.#events.push(event);
    if (event.createdMs >= openMs) return;
    this.wasLate = true;
    this.#isStale = true;
  }

  close(startMs: number, facts: AccountFacts | undefined, join: (e: FoldEvent) => FoldEvent) {
    if (facts === undefined) return;
    const folded = (fromMs: number, state: AccountState, given: AccountFacts) => {
      const window = { startMs: fromMs, endMs: fromMs + this.#golden.rangeMs };
      const isFirst = fromMs === this.#golden.fromMs;
      const events = this.#events
        .filter(({ createdMs: ms }) => ms < window.endMs && (isFirst || ms >= fromMs))
        .map(join);
      const runMs = window.endMs + this.#golden.runDelayMs;
      return fold({ ...common, state, window: { ...window, runMs }, events, facts: given });
    };
    if (this.#isStale) {
      // Totals are not made of events: their bases stay as they are.
      const { networkBases, diskBases } = this.#state;
      let state = emptyState(this.accountId);
      for (let ms = this.#golden.fromMs; ms < startMs; ms += this.#golden.rangeMs)
        ({ state } = folded(ms, state, { ...facts, counters: [] }));
      this.#state = { ...state, networkBases, diskBases };
      this.#isStale = false;
    }
    const output = folded(startMs, this.#state, facts);
    this.#state = output.state;
    this.rows.push(...output.rows);
  }
}
