import type { EventId } from '../contracts/ids.ts';
import type { LogRecord } from '../platform/log/log.ts';
import type { AccountEntry } from './account-entry.ts';
import { multiRow } from './sql-text.ts';
import type { PartitionStore } from './store.ts';

export interface NewFact {
  readonly source: LogRecord;
  readonly row: string;
  readonly accountId: string;
}

export interface NewDetail {
  readonly source: LogRecord;
  readonly eventId: EventId;
  readonly incarnation: number;
  readonly row: string;
  readonly entry: AccountEntry;
}

const newest = (column: string) =>
  `${column}=IF(VALUES(feed_offset)>=feed_offset, VALUES(${column}), ${column})`;
/** Last, because the others compare with the offset that stands. */
const newestOffset = 'feed_offset=GREATEST(feed_offset, VALUES(feed_offset))';

/** Upserts facts by key; the one with the newest feed offset stays. */
export async function writeFacts(store: PartitionStore, facts: readonly NewFact[]): Promise<void> {
  for (const { sql } of multiRow(
    `INSERT INTO fact (generation, account_id, kind, fact_id, partition_id, feed_offset, present, body)
     VALUES`,
    facts.map(({ row }) => row),
    `ON DUPLICATE KEY UPDATE ${newest('present')}, ${newest('body')}, ${newestOffset}`,
    store.statementLimit,
  ))
    await store.run(sql);
}

/**
 * Upserts details of events by key; the one with the newest feed offset stays, and of equal ones the oldest: it
 * was known from there on.
 */
export async function writeDetails(
  store: PartitionStore,
  details: readonly NewDetail[],
): Promise<void> {
  for (const { sql } of multiRow(
    `INSERT INTO event_detail (generation, account_id, event_id, incarnation, detail_id, feed_offset,
       name, value) VALUES`,
    details.map(({ row }) => row),
    // The offset first: what follows compares with the one that then stands.
    `ON DUPLICATE KEY UPDATE feed_offset=IF(name=VALUES(name) AND value=VALUES(value),
       LEAST(feed_offset, VALUES(feed_offset)), GREATEST(feed_offset, VALUES(feed_offset))),
     ${newest('name')}, ${newest('value')}`,
    store.statementLimit,
  ))
    await store.run(sql);
}
