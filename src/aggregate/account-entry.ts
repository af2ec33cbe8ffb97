import type {
  Account,
  Bucket,
  Counter,
  FeedRecord,
  Template,
  UsageEvent,
} from '../contracts/feed-record.ts';
import type { AccountFacts, FoldEvent } from '../contracts/fold.ts';
import type { AccountId, EventId, U64 } from '../contracts/ids.ts';
import { compareU64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { AccountState } from '../domain/account-state.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A stored event that waits for its window; details are joined when it is folded. */
export interface PendingEvent extends Mutable<FoldEvent> {
  readonly incarnation: number;
  /** It was folded when it was due; only a detail of it came late. */
  readonly isDetailOnly: boolean;
}

export interface StoredDetail {
  readonly id: U64;
  readonly name: string;
  readonly value: string;
}

/** Details by event: the key is {@link eventKey}, then by detail id. */
export type Details = Map<string, Map<string, StoredDetail>>;

export const eventKey = (incarnation: number, id: EventId): string =>
  incarnation === 0 ? id : `${id}@${incarnation}`;

const noDetails: readonly never[] = [];

/** Field by field, so that all have one hidden class, however the JSON ordered them. */
export const toPending = (
  event: UsageEvent,
  incarnation: number,
  feedOffset: number,
  isDetailOnly = false,
): PendingEvent => ({
  id: event.id,
  type: event.type,
  accountId: event.accountId,
  createdMs: event.createdMs,
  zoneId: event.zoneId,
  resourceId: event.resourceId,
  resourceName: event.resourceName,
  offeringId: event.offeringId,
  templateId: event.templateId,
  size: event.size,
  resourceType: event.resourceType,
  virtualSize: event.virtualSize,
  vmId: event.vmId,
  feedOffset,
  details: noDetails,
  incarnation,
  isDetailOnly,
});

/** What can be held of an account in memory. What is null is in the database and is read when folded. */
export interface AccountEntry {
  readonly id: AccountId;
  /** End of the window that wrote the state; 0: none did. */
  foldedUntilMs: EpochMs;
  /** The fold threw: later windows wait for a repair. */
  incomplete: boolean;
  /** The last fold had nothing and changed nothing: the next would be the same, until something comes. */
  quiet: boolean;
  /** No pending event is older; -Infinity when that is not known, Infinity when there is none. */
  oldestPendingMs: number;
  state: { readonly value: AccountState; readonly text: string } | null;
  facts: FactSet | null;
  pending: PendingEvent[] | null;
  /** `pending` holds only the window that is being closed: there is more in the database. */
  isPart: boolean;
  /** Details whose event is not folded yet: they may come long before it (a snapshot sends them first). */
  details: Details | null;
  /** Estimated, for the budget. */
  bytes: number;
}

/** The newest content of an account's facts. */
export class FactSet {
  readonly #bodies = new Map<string, FactRecord>();
  #fresh = new Set<string>();
  #view: AccountFacts | null = null;

  /** @param isFresh It came since the newest window was closed. */
  set(record: FactRecord, isFresh = true): void {
    const { kind, id } = factIdentity(record);
    const key = `${kind} ${id}`;
    this.#bodies.set(key, record);
    if (isFresh) this.#fresh.add(key);
    this.#view = null;
  }

  /** Those that came since this was asked last, or the newest window was closed. */
  takeFresh(): FactRecord[] {
    if (this.#fresh.size === 0) return [];
    const fresh = [...this.#fresh].flatMap((key) => this.#bodies.get(key) ?? []);
    this.#fresh = new Set();
    return fresh;
  }

  /** As the fold takes them, in id order. Rows that the source deleted stay, with their last content. */
  view(): AccountFacts {
    this.#view ??= this.#build();
    return this.#view;
  }

  get size(): number {
    return this.#bodies.size;
  }

  #build(): AccountFacts {
    let account: Account | null = null;
    const counters: Counter[] = [];
    const templates: Template[] = [];
    const buckets: Bucket[] = [];
    for (const record of this.#bodies.values()) {
      if (record.kind === 'account') account = record.account;
      else if (record.kind === 'counter') counters.push(record.counter);
      else if (record.kind === 'template') templates.push(record.template);
      else buckets.push(record.bucket);
    }
    counters.sort((a, b) => (a.table < b.table ? -1 : a.table > b.table ? 1 : byId(a, b)));
    return { account, counters, templates: templates.sort(byId), buckets: buckets.sort(byId) };
  }
}

const byId = (a: Counter | Template | Bucket, b: Counter | Template | Bucket) =>
  compareU64(a.id, b.id);

export type FactRecord = Extract<
  FeedRecord,
  { kind: 'account' | 'counter' | 'template' | 'bucket' }
>;

/** Key of a fact in its account: kind (a statistics table by its name) and id. */
export function factIdentity(record: FactRecord): {
  accountId: AccountId;
  kind: string;
  id: string;
} {
  if (record.kind === 'account')
    return { accountId: record.account.id, kind: 'account', id: record.account.id };
  if (record.kind === 'counter') {
    const { counter } = record;
    return { accountId: counter.accountId, kind: counter.table, id: counter.id };
  }
  const fact = record.kind === 'template' ? record.template : record.bucket;
  return { accountId: fact.accountId, kind: record.kind, id: fact.id };
}
