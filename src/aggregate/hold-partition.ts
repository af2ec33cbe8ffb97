import type { AccountId } from '../contracts/ids.ts';
import { AppError } from '../platform/errors.ts';
import type { LogBatch } from '../platform/log/log.ts';
import { AccountBook } from './account-book.ts';
import { BaseEvents } from './base-events.ts';
import { claimPartition } from './claim.ts';
import type { ClaimOptions } from './claim.ts';
import type { FoldRules } from './close-windows.ts';
import { SettingsBook } from './cloud-settings.ts';
import type { Limits } from './limits.ts';
import { loadRoster } from './load-accounts.ts';
import { readRepairs } from './repair-accounts.ts';
import type { PartitionStore, Progress } from './store.ts';

/**
 * All that a worker knows of the tables of its partition, as one connection has read it. It is thrown away as a
 * whole, so that nothing of it can outlive a connection: the next one may lead to a server that knows less.
 */
export interface Held {
  readonly store: PartitionStore;
  progress: Progress;
  readonly book: AccountBook;
  readonly settings: SettingsBook;
  readonly before: BaseEvents;
  /** Accounts to be folded again before the next batch. */
  repairs: readonly AccountId[];
  /** Accounts that live on another partition. */
  readonly foreign: Set<AccountId>;
}

/** Claims a partition and reads what there is of it; see {@link claimPartition} for errors. */
export async function holdPartition(
  claim: ClaimOptions,
  rules: FoldRules,
  limits: Limits,
): Promise<Held> {
  const { store, progress } = await claimPartition(claim);
  const book = new AccountBook(limits.memoryBytes);
  await loadRoster(store, book);
  const settings = await SettingsBook.open(store, rules);
  const repairs = await readRepairs(store);
  const before = await BaseEvents.open(store, { partition: store.partition });
  return { store, progress, book, settings, repairs, before, foreign: new Set() };
}

/**
 * A store that was taken up again must have all that was seen in it.
 * @throws STORE_WENT_BACK when it stands before a commit that was acknowledged
 */
export function refuseLostCommits(before: Held, now: Held): void {
  const { partition } = now.store;
  const [nextOffset, had] = [now.progress.nextOffset, before.progress.nextOffset];
  if (nextOffset < had) throw new AppError('STORE_WENT_BACK', { partition, nextOffset, had });
}

/**
 * A batch goes on where the tables stand, or begins before it; what lies between would be read by nobody.
 * @throws STORE_WENT_BACK
 */
export function refuseGap({ partition, startOffset }: LogBatch, { nextOffset }: Progress): void {
  if (startOffset > nextOffset)
    throw new AppError('STORE_WENT_BACK', { partition, nextOffset, startOffset });
}
