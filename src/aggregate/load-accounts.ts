import type { EpochMs, Window } from '../contracts/time.ts';
import type { AccountId } from '../contracts/ids.ts';
import { decodeState, emptyState, encodeState } from '../domain/account-state.ts';
import type { AccountState } from '../domain/account-state.ts';
import { AppError } from '../platform/errors.ts';
import type { AccountBook } from './account-book.ts';
import { FactSet, toPending } from './account-entry.ts';
import type { AccountEntry, FactRecord } from './account-entry.ts';
import type { Limits } from './limits.ts';
import type { UsageEventRecord } from './parse-record.ts';
import { list } from './sql-text.ts';
import type { PartitionStore } from './store.ts';

export interface LoadContext {
  readonly store: PartitionStore;
  readonly book: AccountBook;
  readonly limits: Limits;
  /** End of the newest closed window; null before the first. */
  readonly closedUntilMs: EpochMs | null;
  /** Late events from this offset on were in no fold yet. */
  readonly closedOffset: number;
  /** Events from this offset on are of the future: in a replay they are in the table already. */
  readonly nextOffset: number;
}

/** Enters the accounts of a partition, without their content. */
export async function loadRoster(store: PartitionStore, book: AccountBook): Promise<void> {
  const rows = await store.rows<{ account_id: AccountId; until: string; broken: string | null }>(
    `SELECT account_id, folded_until_ms AS until, incomplete_from_ms AS broken
     FROM account_state FORCE INDEX (by_partition)
     WHERE generation=${store.generation} AND partition_id=${store.partition}`,
  );
  for (const row of rows) book.addStored(row.account_id, Number(row.until), row.broken !== null);
}

/**
 * Brings what a close needs of these accounts into memory, where it is not there yet: states, facts,
 * waiting events. When the events are too many, only a part of the page is brought.
 *
 * @returns how many of the accounts, from the first, are ready; at least one.
 */
export async function loadAccounts(
  context: LoadContext,
  entries: readonly AccountEntry[],
  window: Window,
): Promise<number> {
  const ready = await loadPending(context, entries, window);
  const page = entries.slice(0, ready);
  await loadStates(context, page);
  await loadFacts(context, page);
  for (const entry of page) context.book.measure(entry);
  return ready;
}

async function loadStates({ store }: LoadContext, page: readonly AccountEntry[]): Promise<void> {
  const wanted = page.filter((entry) => entry.state === null);
  if (wanted.length === 0) return;
  const rows = await store.rows<{ account_id: AccountId; state: string }>(
    `SELECT account_id, state FROM account_state
     WHERE generation=${store.generation} AND account_id IN ${ids(wanted)}`,
  );
  const texts = new Map(rows.map((row) => [row.account_id, row.state]));
  for (const entry of wanted) {
    const text = texts.get(entry.id) ?? '';
    const value = text === '' ? emptyState(entry.id) : readState(entry.id, text);
    entry.state = { value, text: text === '' ? encodeState(value) : text };
  }
}

async function loadFacts(
  { store, closedOffset }: LoadContext,
  page: readonly AccountEntry[],
): Promise<void> {
  const wanted = page.filter((entry) => entry.facts === null);
  if (wanted.length === 0) return;
  const sets = new Map(wanted.map((entry) => [entry.id, new FactSet()]));
  const rows = await store.rows<{ account_id: AccountId; feed_offset: string; body: string }>(
    `SELECT account_id, feed_offset, body FROM fact
     WHERE generation=${store.generation} AND account_id IN ${ids(wanted)} AND kind<>'settings'`,
  );
  // What came before an account's first fold is news, too.
  const isNew = new Set(wanted.filter((entry) => entry.foldedUntilMs === 0).map(({ id }) => id));
  for (const row of rows) {
    const isFresh = Number(row.feed_offset) >= closedOffset || isNew.has(row.account_id);
    sets.get(row.account_id)?.set(JSON.parse(row.body) as FactRecord, isFresh);
  }
  for (const entry of wanted) entry.facts = sets.get(entry.id) ?? null;
}

interface EventRow {
  readonly account_id: AccountId;
  readonly feed_offset: string;
  /** Late only: the offset that made it so, another when that was the one of a detail. */
  readonly late_offset?: string;
  readonly body: string;
}

async function loadPending(
  context: LoadContext,
  entries: readonly AccountEntry[],
  window: Window,
): Promise<number> {
  const { pageEvents } = context.limits;
  let page = entries;
  for (;;) {
    const wanted = page.filter((entry) => entry.pending === null);
    if (wanted.length === 0) return page.length;
    let rows = await readEvents(context, wanted, `LIMIT ${pageEvents + 1}`);
    const isPart = rows.length > pageEvents;
    if (isPart && page.length > 1) {
      page = page.slice(0, Math.ceil(page.length / 2));
      continue;
    }
    // One account with more than a page: only its window, which a fold needs whole, is brought.
    if (isPart) rows = await readEvents(context, wanted, `AND created_ms < ${window.endMs}`);
    fill(wanted, [...rows, ...(await readLate(context, wanted))], isPart);
    return page.length;
  }
}

/** Events that no fold has had: created since the newest closed window. */
function readEvents(
  { store, closedUntilMs, nextOffset }: LoadContext,
  wanted: readonly AccountEntry[],
  rest: string,
): Promise<EventRow[]> {
  return store.rows<EventRow>(
    `SELECT account_id, feed_offset, body FROM event FORCE INDEX (PRIMARY)
     WHERE generation=${store.generation} AND account_id IN ${ids(wanted)}
       AND created_ms >= ${closedUntilMs ?? 0} AND feed_offset < ${nextOffset} ${rest}`,
  );
}

/** Not that account's fault alone: the whole worker is too old. */
function readState(account: AccountId, text: string): AccountState {
  try {
    return decodeState(text);
  } catch (cause) {
    throw new AppError('STORE_SCHEMA_NEWER', { account, what: 'account_state' }, cause);
  }
}

/** Late events that no fold has had, and folded ones that got a detail late. */
function readLate(
  { store, closedUntilMs, closedOffset, nextOffset }: LoadContext,
  wanted: readonly AccountEntry[],
): Promise<EventRow[]> {
  if (closedUntilMs === null) return Promise.resolve([]);
  return store.rows<EventRow>(
    `SELECT e.account_id, e.feed_offset, l.feed_offset AS late_offset, e.body
     FROM late_event l JOIN event e ON e.generation=l.generation AND e.account_id=l.account_id
       AND e.created_ms=l.created_ms AND e.event_id=l.event_id AND e.incarnation=l.incarnation
     WHERE l.generation=${store.generation} AND l.account_id IN ${ids(wanted)}
       AND l.feed_offset >= ${closedOffset} AND l.feed_offset < ${nextOffset}
       AND l.created_ms < ${closedUntilMs}`,
  );
}

function fill(wanted: readonly AccountEntry[], rows: readonly EventRow[], isPart: boolean): void {
  const byAccount = new Map(wanted.map((entry) => [entry.id, entry]));
  for (const entry of wanted) {
    entry.pending = [];
    entry.isPart = isPart;
    entry.oldestPendingMs = Infinity;
  }
  for (const row of rows) {
    const entry = byAccount.get(row.account_id);
    const { event, origin } = JSON.parse(row.body) as UsageEventRecord;
    const { feed_offset: offset, late_offset: lateOffset = offset } = row;
    const isDetailOnly = lateOffset !== offset;
    entry?.pending?.push(toPending(event, origin.incarnation, Number(offset), isDetailOnly));
    if (entry && event.createdMs < entry.oldestPendingMs) entry.oldestPendingMs = event.createdMs;
  }
}

const ids = (entries: readonly AccountEntry[]): string => list(entries.map((entry) => entry.id));
