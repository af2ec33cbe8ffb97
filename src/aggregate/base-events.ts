import type { AccountId, EventId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { StoreReader } from './store.ts';

/** Which usage events are in the base states of accounts: they are kept, and never folded. */
export class BaseEvents {
  readonly #startMs: EpochMs;
  readonly #accounts: ReadonlySet<AccountId>;
  /** First ids of ranges in ascending order, and the last id of each. */
  readonly #firsts: BigUint64Array;
  readonly #lasts: BigUint64Array;

  constructor(
    startMs: EpochMs,
    accounts: Iterable<AccountId>,
    ranges: readonly (readonly [first: bigint, last: bigint])[],
  ) {
    this.#startMs = startMs;
    this.#accounts = new Set(accounts);
    this.#firsts = BigUint64Array.from(ranges, ([first]) => first);
    this.#lasts = BigUint64Array.from(ranges, ([, last]) => last);
  }

  /** @param of Whose events are asked for: the accounts of a partition, or one. */
  static async open(
    store: StoreReader,
    of: { readonly partition: number } | { readonly accountId: AccountId },
  ): Promise<BaseEvents> {
    const which = 'partition' in of ? `partition_id=${of.partition}` : `account_id=${of.accountId}`;
    const accounts = await store.rows<{ account_id: AccountId; start_ms: string }>(
      `SELECT account_id, start_ms FROM base_state
       WHERE generation=${store.generation} AND ${which}`,
    );
    const [first] = accounts;
    if (first === undefined) return new BaseEvents(-Infinity, [], []);
    const ranges = await store.rows<{ first_id: string; last_id: string }>(
      `SELECT first_id, last_id FROM base_event WHERE generation=${store.generation}
       ORDER BY first_id`,
    );
    return new BaseEvents(
      Number(first.start_ms),
      accounts.map(({ account_id: id }) => id),
      ranges.map(({ first_id: from, last_id: to }) => [BigInt(from), BigInt(to)]),
    );
  }

  has(event: {
    readonly id: EventId;
    readonly accountId: AccountId;
    readonly createdMs: EpochMs;
  }): boolean {
    if (event.createdMs >= this.#startMs || !this.#accounts.has(event.accountId)) return false;
    const id = BigInt(event.id);
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#firsts[middle]! <= id) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#lasts[low - 1]! >= id;
  }
}
