import type { AccountState } from '../../domain/account-state.ts';
import { intervalTables } from '../../domain/helper-tables.ts';
import type { javaState } from '../../domain/java-state.ts';

/** What a takeover took, added up account by account. */
export interface TakenCounts {
  readonly accounts: number;
  /** Rows that are in the states, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Counters that go on from their last totals. */
  readonly counters: { readonly network: number; readonly disk: number };
  /** Rows of which no event is known that opened them. */
  readonly withoutEvent: number;
}

export class Counts {
  #accounts = 0;
  #withoutEvent = 0;
  readonly #rows: Record<string, number> = {};
  readonly #counters = { network: 0, disk: 0 };

  add(
    { intervals }: AccountState,
    { networkBases, diskBases, rows }: Parameters<typeof javaState>[0],
  ): void {
    this.#accounts++;
    for (const [name, list] of Object.entries(intervals)) {
      const { name: table } = intervalTables[name as keyof typeof intervals];
      this.#rows[table] = (this.#rows[table] ?? 0) + list.length;
    }
    this.#counters.network += networkBases.length;
    this.#counters.disk += diskBases.length;
    this.#withoutEvent += rows.filter(({ openedBy }) => openedBy === null).length;
  }

  all(): TakenCounts {
    return {
      accounts: this.#accounts,
      rows: this.#rows,
      counters: this.#counters,
      withoutEvent: this.#withoutEvent,
    };
  }
}
