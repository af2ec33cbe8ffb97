import type { Account } from '../../../src/contracts/feed-record.ts';
import type { AccountFacts } from '../../../src/contracts/fold.ts';
import { compareU64 } from '../../../src/contracts/ids.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import type { EpochMs } from '../../../src/contracts/time.ts';

/** An account as a usage server has it. */
export interface CopiedAccount {
  readonly id: AccountId;
  /** As it was when the account was copied. */
  readonly domainId: string;
  readonly removedMs: EpochMs | null;
}

/** The copy of the accounts: new ones by ascending id, of known ones the removal. */
export class AccountCopy {
  readonly #accounts = new Map<AccountId, CopiedAccount>();
  readonly #losesLateIds: boolean;

  constructor(losesLateIds: boolean) {
    this.#losesLateIds = losesLateIds;
  }

  get all(): ReadonlyMap<AccountId, CopiedAccount> {
    return this.#accounts;
  }

  /** @param startMs Where the run's job would begin if nothing were late. */
  run(facts: ReadonlyMap<AccountId, AccountFacts>, startMs: EpochMs): void {
    const last = [...this.#accounts.keys()].toSorted(compareU64).at(-1);
    for (const { account } of facts.values()) if (account) this.#copy(account, last, startMs);
  }

  #copy(account: Account, last: AccountId | undefined, startMs: EpochMs): void {
    const { id, domainId, removedMs } = account;
    const known = this.#accounts.get(id);
    if (known === undefined) {
      const isLost = this.#losesLateIds && last !== undefined && compareU64(id, last) < 0;
      if (!isLost) this.#accounts.set(id, { id, domainId: domainId ?? '0', removedMs });
    } else if (!this.#losesLateIds || removedMs === null || removedMs >= startMs)
      this.#accounts.set(id, { ...known, removedMs });
  }
}
