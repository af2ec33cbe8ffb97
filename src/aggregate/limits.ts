/** What bounds the memory of a worker and the size of its transactions. Lengths are in UTF-16 units. */
export interface Limits {
  /** Of a partition's accounts: states, facts, waiting events; estimated, bytes. */
  readonly memoryBytes: number;
  /** SQL that a unit gathers before it is written. */
  readonly unitLength: number;
  /** SQL written after which a transaction is split: its undo log and locks stay small. */
  readonly splitLength: number;
  /** How long a transaction takes before it is split, ms: what is committed by then no rebalance takes back. */
  readonly splitMs: number;
  /** Accounts that are loaded and folded together. */
  readonly pageAccounts: number;
  /** Events that a page may bring into memory, but for one account's window, which a fold needs whole. */
  readonly pageEvents: number;
}

export const defaultLimits: Limits = {
  memoryBytes: 96 * 1024 * 1024,
  unitLength: 4 * 1024 * 1024,
  splitLength: 16 * 1024 * 1024,
  splitMs: 300,
  pageAccounts: 200,
  pageEvents: 20_000,
};
