import type { FeedRecord } from '../contracts/feed-record.ts';
import type { AccountId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { WindowSpec } from '../domain/window.ts';
import type { LogRecord } from '../platform/log/log.ts';
import type { AccountBook } from './account-book.ts';
import type { BaseEvents } from './base-events.ts';
import { eventKey, factIdentity, toPending } from './account-entry.ts';
import type { AccountEntry, FactRecord } from './account-entry.ts';
import type { SettingsBook, SettingsRecord } from './cloud-settings.ts';
import { contentHash } from '../platform/content-hash.ts';
import type { DeadLetter } from './dead-letter.ts';
import { writeDeadLetters } from './dead-letter.ts';
import type { Refusal, UsageEventRecord } from './parse-record.ts';
import { noteConflicts } from './note-conflicts.ts';
import { noteLateDetails } from './late-details.ts';
import { writeDetails, writeFacts } from './write-facts.ts';
import type { NewDetail, NewFact } from './write-facts.ts';
import { registerAccounts } from './register-accounts.ts';
import { hex, quote } from './sql-text.ts';
import type { PartitionStore, Progress } from './store.ts';
import type { Tally } from './tally.ts';
import { writeEvents } from './write-events.ts';
import type { NewEvent } from './write-events.ts';

/**
 * Feed records on their way into the tables: taken in order, written together in the transaction of
 * their batch. Memory (the book) follows what was written; a failed write leaves it wrong, and the
 * partition is then read again.
 */
export class Unit {
  /** UTF-16 units of SQL that wait, to bound a unit. */
  length = 0;
  readonly #store: PartitionStore;
  readonly #book: AccountBook;
  readonly #tally: Tally;
  /** Accounts that live on another partition: their records are refused. */
  readonly #foreign: Set<AccountId>;
  readonly #settings: SettingsBook;
  readonly #before: BaseEvents;
  readonly #window: WindowSpec;
  #events: NewEvent[] = [];
  #details: NewDetail[] = [];
  #facts = new Map<string, NewFact>();
  #deadLetters: DeadLetter[] = [];
  #newAccounts: AccountId[] = [];

  constructor(options: {
    store: PartitionStore;
    book: AccountBook;
    tally: Tally;
    foreign: Set<AccountId>;
    settings: SettingsBook;
    before: BaseEvents;
    window: WindowSpec;
  }) {
    this.#store = options.store;
    this.#book = options.book;
    this.#tally = options.tally;
    this.#foreign = options.foreign;
    this.#settings = options.settings;
    this.#before = options.before;
    this.#window = options.window;
  }

  /** @param closedUntilMs End of the newest closed window: an older event is late. */
  take(source: LogRecord, record: FeedRecord, text: string, closedUntilMs: EpochMs | null): void {
    this.#tally.add('record', record.kind);
    switch (record.kind) {
      case 'usage-event':
        return this.#takeEvent(source, record, text, closedUntilMs);
      case 'event-detail':
        return this.#takeDetail(source, record);
      case 'settings':
        return this.#takeSettings(source, record, closedUntilMs);
      case 'watermark':
        return;
      case 'account':
      case 'counter':
      case 'template':
      case 'bucket':
        return this.#takeFact(source, record, text);
    }
  }

  refuse(source: LogRecord, { reason, facts }: Refusal): void {
    const { offset, key, value } = source;
    this.#deadLetters.push({ offset, reason, accountId: '0', facts, key, value });
    this.length += 2 * (value?.length ?? 0);
    this.#tally.add('deadLetter', reason);
  }

  /**
   * Writes all that was taken and empties the unit.
   * @param closed Which windows were closed when it was taken.
   */
  async write(closed: Pick<Progress, 'closedUntilMs' | 'closedOffset'>): Promise<void> {
    await this.#register();
    if (this.#events.length > 0) await this.#writeEvents();
    await writeDetails(this.#store, this.#details);
    for (const { entry, event } of await noteLateDetails(this.#store, this.#details, closed))
      this.#book.addEvent(entry, event);
    await writeFacts(this.#store, [...this.#facts.values()]);
    await writeDeadLetters(this.#store, this.#deadLetters);
    const conflicts = await this.#settings.write(this.#store);
    this.#tally.add('anomaly', 'SETTING_NOT_APPLIED', conflicts);
    this.#events = [];
    this.#details = [];
    this.#facts = new Map();
    this.#deadLetters = [];
    this.length = 0;
  }

  #takeEvent(
    source: LogRecord,
    { event, origin }: UsageEventRecord,
    text: string,
    closedUntilMs: EpochMs | null,
  ): void {
    const entry = this.#account(event.accountId, source);
    if (!entry) return;
    const { generation, partition } = this.#store;
    const hash = contentHash(event);
    const isOld = closedUntilMs !== null && event.createdMs < closedUntilMs;
    const isBefore = isOld && this.#before.has(event);
    const isLate = isOld && !isBefore;
    const row = `(${generation},${event.accountId},${event.createdMs},${event.id},${
      origin.incarnation
    },${partition},${source.offset},${isLate ? 1 : 0},${hex(hash)},${quote(text)})`;
    this.length += row.length;
    const { incarnation } = origin;
    this.#events.push({ source, event, incarnation, hash, isLate, isBefore, row, entry });
  }

  #takeDetail(source: LogRecord, record: Extract<FeedRecord, { kind: 'event-detail' }>): void {
    const { detail, origin } = record;
    const entry = this.#account(detail.accountId, source);
    if (!entry) return;
    const { generation } = this.#store;
    const row = `(${generation},${detail.accountId},${detail.eventId},${origin.incarnation},${
      detail.id
    },${source.offset},${quote(detail.name)},${quote(detail.value)})`;
    this.length += row.length;
    const { incarnation } = origin;
    this.#details.push({ source, eventId: detail.eventId, incarnation, row, entry });
    this.#book.addDetail(entry, eventKey(origin.incarnation, detail.eventId), detail);
  }

  #takeSettings(source: LogRecord, record: SettingsRecord, closedUntilMs: EpochMs | null): void {
    const text = this.#settings.take(record, closedUntilMs);
    this.#putFact('0', 'settings', String(this.#store.partition), source, true, text);
  }

  #takeFact(source: LogRecord, record: FactRecord, text: string): void {
    const { accountId, kind, id } = factIdentity(record);
    const entry = this.#account(accountId, source);
    if (!entry) return;
    this.#book.addFact(entry, record);
    this.#putFact(accountId, kind, id, source, record.present, text);
  }

  /** The newest of a unit wins before it reaches the table: a statistics row may come many times. */
  #putFact(
    accountId: string,
    kind: string,
    id: string,
    source: LogRecord,
    present: boolean,
    text: string,
  ): void {
    const { generation, partition } = this.#store;
    const row = `(${generation},${accountId},${quote(kind)},${id},${partition},${source.offset},${
      present ? 1 : 0
    },${quote(text)})`;
    this.length += row.length;
    this.#facts.set(`${accountId} ${kind} ${id}`, { source, row, accountId });
  }

  #account(id: AccountId, source: LogRecord): AccountEntry | null {
    const known = this.#book.get(id);
    if (known) return known;
    if (this.#foreign.has(id)) {
      this.refuse(source, { reason: 'WRONG_PARTITION', facts: { accountId: id } });
      return null;
    }
    this.#newAccounts.push(id);
    return this.#book.addNew(id);
  }

  /** Enters the accounts seen first in this unit; those that another partition has are turned away. */
  async #register(): Promise<void> {
    const foreign = await registerAccounts(this.#store, this.#newAccounts);
    this.#newAccounts = [];
    if (foreign.size === 0) return;
    const turnAway = (id: string, source: LogRecord) => {
      const home = foreign.get(id as AccountId);
      if (home === undefined) return true;
      this.refuse(source, { reason: 'WRONG_PARTITION', facts: { accountId: id, livesOn: home } });
      return false;
    };
    this.#events = this.#events.filter(({ entry, source }) => turnAway(entry.id, source));
    this.#details = this.#details.filter(({ entry, source }) => turnAway(entry.id, source));
    for (const [key, fact] of this.#facts)
      if (!turnAway(fact.accountId, fact.source)) this.#facts.delete(key);
    for (const id of foreign.keys()) {
      this.#foreign.add(id);
      this.#book.remove(id);
    }
  }

  async #writeEvents(): Promise<void> {
    const { accepted, superseding, refused } = await writeEvents(
      this.#store,
      this.#events,
      this.#tally,
    );
    for (const { source, refusal } of refused) this.refuse(source, refusal);
    await noteConflicts(this.#store, refused, this.#window, this.#tally);
    for (const { event, source, incarnation, entry, isBefore } of accepted)
      if (!isBefore) this.#book.addEvent(entry, toPending(event, incarnation, source.offset));
    // What they took the place of may be in memory, and their details are only in the table.
    for (const { entry } of superseding) this.#book.release(entry);
  }
}
