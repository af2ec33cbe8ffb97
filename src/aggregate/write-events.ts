import type { UsageEvent } from '../contracts/feed-record.ts';
import type { LogRecord } from '../platform/log/log.ts';
import type { AccountEntry } from './account-entry.ts';
import { eventKey } from './account-entry.ts';
import type { Refusal } from './parse-record.ts';
import { list, multiRow } from './sql-text.ts';
import type { PartitionStore } from './store.ts';
import { supersedeEvents } from './supersede-events.ts';
import type { Tally } from './tally.ts';

export interface NewEvent {
  readonly source: LogRecord;
  readonly event: UsageEvent;
  readonly incarnation: number;
  /** {@link contentHash} of the event. */
  readonly hash: string;
  readonly isLate: boolean;
  /** It is in the base state of its account: kept, and not folded. */
  readonly isBefore: boolean;
  /** Its row constructor for table `event`. */
  readonly row: string;
  readonly entry: AccountEntry;
}

interface Outcome {
  readonly accepted: NewEvent[];
  /** Of the accepted: those that took the place of a refused one. */
  readonly superseding: NewEvent[];
  readonly refused: {
    readonly source: LogRecord;
    readonly event: UsageEvent;
    readonly refusal: Refusal;
  }[];
}

/**
 * Stores events on arrival. One that is stored already is told by its offset: the same offset is our own
 * earlier write (a replay) and counts as stored; another with the same content is a duplicate, and with
 * other content a conflict.
 */
export async function writeEvents(
  store: PartitionStore,
  events: readonly NewEvent[],
  tally: Tally,
): Promise<Outcome> {
  const outcome: Outcome = { accepted: [], superseding: [], refused: [] };
  for (const { sql, from, to } of multiRow(
    insertHead,
    events.map((event) => event.row),
    '',
    store.statementLimit,
  )) {
    const { affectedRows } = await store.run(sql);
    const chunk = from === 0 && to === events.length ? events : events.slice(from, to);
    const isWhole = affectedRows === chunk.length;
    const accepted = isWhole ? chunk : await resolve(store, chunk, tally, outcome);
    for (const event of accepted) outcome.accepted.push(event);
  }
  const late = outcome.accepted.filter((event) => event.isLate);
  await writeLate(store, late);
  tally.add('event', 'late', late.length);
  const before = outcome.accepted.filter((event) => event.isBefore).length;
  tally.add('event', 'before-base', before);
  tally.add('event', 'stored', outcome.accepted.length - late.length - before);
  return outcome;
}

const insertHead = `INSERT IGNORE INTO event (generation, account_id, created_ms, event_id, incarnation,
  partition_id, feed_offset, late, content_hash, body) VALUES`;

export interface Standing {
  readonly account_id: UsageEvent['accountId'];
  readonly created_ms: string;
  readonly event_id: UsageEvent['id'];
  readonly incarnation: number;
  readonly partition_id: number;
  readonly feed_offset: string;
  readonly hash: string;
}

/** Finds out which rows of a short INSERT were there before. */
async function resolve(
  store: PartitionStore,
  events: readonly NewEvent[],
  tally: Tally,
  outcome: Outcome,
): Promise<NewEvent[]> {
  const standing = new Map<string, Standing>();
  for (let at = 0; at < events.length; at += 500) {
    const ids = events.slice(at, at + 500).map(({ event }) => event.id);
    const rows = await store.rows<Standing>(
      `SELECT account_id, created_ms, event_id, incarnation, partition_id, feed_offset, HEX(content_hash) AS hash
       FROM event FORCE INDEX (identity)
       WHERE generation=${store.generation} AND event_id IN ${list(new Set(ids))}`,
    );
    for (const row of rows) standing.set(eventKey(row.incarnation, row.event_id), row);
  }
  const standsFor = (event: NewEvent) => standing.get(eventKey(event.incarnation, event.event.id));
  const known = events.flatMap((event) => {
    const stands = standsFor(event);
    return stands === undefined ? [] : [{ event, stands }];
  });
  const superseding = await supersedeEvents(store, known, insertHead);
  outcome.superseding.push(...superseding);
  return events.filter((event) => {
    if (superseding.has(event)) return true;
    const stands = standsFor(event);
    const isOurs =
      stands?.partition_id === store.partition &&
      Number(stands.feed_offset) === event.source.offset;
    if (isOurs) return true;
    if (stands?.hash.toLowerCase() === event.hash) {
      tally.add('event', 'duplicate');
      return false;
    }
    tally.add('event', 'conflict');
    const facts = {
      eventId: event.event.id,
      storedPartition: stands?.partition_id ?? null,
      storedOffset: stands ? Number(stands.feed_offset) : null,
    };
    outcome.refused.push({
      source: event.source,
      event: event.event,
      refusal: { reason: 'EVENT_ID_CONFLICT', facts },
    });
    return false;
  });
}

async function writeLate(store: PartitionStore, events: readonly NewEvent[]): Promise<void> {
  const rows = events.map(
    ({ event, incarnation, source }) =>
      `(${store.generation},${event.accountId},${source.offset},${event.createdMs},${event.id},${incarnation})`,
  );
  for (const { sql } of multiRow(
    `INSERT IGNORE INTO late_event (generation, account_id, feed_offset, created_ms, event_id,
       incarnation) VALUES`,
    rows,
    '',
    store.statementLimit,
  ))
    await store.run(sql);
}
