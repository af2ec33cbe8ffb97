import type { AccountId } from '../contracts/ids.ts';
import { compareU64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { emptyState, encodeState } from '../domain/account-state.ts';
import { FactSet } from './account-entry.ts';
import type { AccountEntry, FactRecord, PendingEvent, StoredDetail } from './account-entry.ts';

/** Estimated cost in memory of what an account holds, bytes. */
const eventBytes = 640;
const detailBytes = 320;
const factBytes = 900;
const stateFactor = 6;

/** Events whose details an account holds in memory; above it they are read back, a page at a time. */
const heldDetails = 256;

/**
 * The accounts of one partition: all ids, and as much of their state, facts and waiting events as the
 * budget allows, so that a close reads nothing back. What is let go is read from the tables by the next
 * close, account by account; nothing here is the only copy.
 */
export class AccountBook {
  readonly #entries = new Map<AccountId, AccountEntry>();
  readonly #limitBytes: number;
  #sorted: AccountEntry[] | null = null;
  #bytes = 0;
  #hand = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** More is held than the budget allows: time to trim(). */
  get isOver(): boolean {
    return this.#bytes > this.#limitBytes;
  }

  get(id: AccountId): AccountEntry | undefined {
    return this.#entries.get(id);
  }

  /** An account of which the tables hold nothing yet. */
  addNew(id: AccountId): AccountEntry {
    const value = emptyState(id);
    return this.#add({
      ...blank(id),
      oldestPendingMs: Infinity,
      state: { value, text: encodeState(value) },
      facts: new FactSet(),
      pending: [],
      details: new Map(),
    });
  }

  /** An account of the tables; nothing of it is read yet. */
  addStored(id: AccountId, foldedUntilMs: EpochMs, incomplete: boolean): AccountEntry {
    return this.#add({ ...blank(id), foldedUntilMs, incomplete });
  }

  remove(id: AccountId): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.resize(entry, 0);
    this.#entries.delete(id);
    this.#sorted = null;
  }

  /** All accounts in id order, which is the order of the tables. */
  inOrder(): readonly AccountEntry[] {
    this.#sorted ??= [...this.#entries.values()].sort((a, b) => compareU64(a.id, b.id));
    return this.#sorted;
  }

  addEvent(entry: AccountEntry, event: PendingEvent): void {
    entry.quiet = false;
    if (event.createdMs < entry.oldestPendingMs) entry.oldestPendingMs = event.createdMs;
    if (entry.pending === null) return;
    entry.pending.push(event);
    this.resize(entry, entry.bytes + eventBytes);
  }

  addDetail(entry: AccountEntry, key: string, detail: StoredDetail): void {
    entry.quiet = false;
    if (entry.details === null) return;
    const ofEvent = entry.details.get(key);
    if (ofEvent) ofEvent.set(detail.id, detail);
    else entry.details.set(key, new Map([[detail.id, detail]]));
    this.resize(entry, entry.bytes + detailBytes);
    if (entry.details.size > heldDetails) {
      entry.details = null;
      this.measure(entry);
    }
  }

  addFact(entry: AccountEntry, record: FactRecord): void {
    entry.quiet = false;
    if (entry.facts === null) return;
    const before = entry.facts.size;
    entry.facts.set(record);
    this.resize(entry, entry.bytes + (entry.facts.size - before) * factBytes);
  }

  /** Counts an entry again, after a fold or a load. */
  measure(entry: AccountEntry): void {
    this.resize(
      entry,
      (entry.state?.text.length ?? 0) * stateFactor +
        (entry.facts?.size ?? 0) * factBytes +
        (entry.pending?.length ?? 0) * eventBytes +
        (entry.details?.size ?? 0) * detailBytes,
    );
  }

  resize(entry: AccountEntry, bytes: number): void {
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
  }

  /** Lets go of accounts, going round, until the budget holds. Only between a write and the next read. */
  trim(): void {
    if (!this.isOver) return;
    const entries = this.inOrder();
    const target = this.#limitBytes * 0.7;
    for (let seen = 0; seen < entries.length && this.#bytes > target; seen++) {
      const entry = entries[this.#hand++ % entries.length];
      if (entry) this.release(entry);
    }
  }

  /** Forgets what the tables hold of an account as well. */
  release(entry: AccountEntry): void {
    entry.state = null;
    entry.facts = null;
    entry.pending = null;
    entry.details = null;
    this.resize(entry, 0);
  }

  #add(entry: AccountEntry): AccountEntry {
    this.#entries.set(entry.id, entry);
    this.#sorted = null;
    this.measure(entry);
    return entry;
  }
}

const blank = (id: AccountId): AccountEntry => ({
  id,
  foldedUntilMs: 0,
  incomplete: false,
  quiet: false,
  oldestPendingMs: -Infinity,
  state: null,
  facts: null,
  pending: null,
  isPart: false,
  details: null,
  bytes: 0,
});
