import type { AccountId, EventId } from '../contracts/ids.ts';
import { hasRule } from '../domain/event-rules.ts';
import { eventKey, toPending } from './account-entry.ts';
import type { AccountEntry, PendingEvent } from './account-entry.ts';
import type { UsageEventRecord } from './parse-record.ts';
import { list, multiRow } from './sql-text.ts';
import type { PartitionStore, Progress } from './store.ts';
import type { NewDetail } from './write-facts.ts';

interface LateDetail {
  readonly entry: AccountEntry;
  readonly event: PendingEvent;
}

interface FoldedEvent {
  readonly account_id: AccountId;
  readonly created_ms: string;
  readonly event_id: EventId;
  readonly incarnation: number;
  readonly feed_offset: string;
  readonly body: string;
}

/**
 * Finds details that came after their event was folded, and enters these events among the late ones: the next
 * fold of the account makes its past again with them. What a detail says that stood already is no news.
 *
 * @param details Just written.
 */
export async function noteLateDetails(
  store: PartitionStore,
  details: readonly NewDetail[],
  { closedUntilMs, closedOffset }: Pick<Progress, 'closedUntilMs' | 'closedOffset'>,
): Promise<LateDetail[]> {
  if (closedUntilMs === null || details.length === 0) return [];
  const folded = await readFolded(store, details, closedUntilMs, closedOffset);
  const candidates = details.flatMap((detail) => {
    const event = folded.get(eventKey(detail.incarnation, detail.eventId));
    return event === undefined ? [] : [{ detail, event }];
  });
  if (candidates.length === 0) return [];
  const news = await readNews(store, candidates);
  const late = candidates.filter(({ detail }) => news.has(detail.source.offset));
  const rows = late.map(
    ({ detail, event }) =>
      `(${store.generation},${event.account_id},${detail.source.offset},${event.created_ms},${event.event_id},${event.incarnation})`,
  );
  for (const { sql } of multiRow(insertHead, rows, '', store.statementLimit)) await store.run(sql);
  return late.map(({ detail: { entry }, event }) => {
    const { event: content } = JSON.parse(event.body) as UsageEventRecord;
    const offset = Number(event.feed_offset);
    return { entry, event: toPending(content, event.incarnation, offset, true) };
  });
}

const insertHead = `INSERT IGNORE INTO late_event (generation, account_id, feed_offset, created_ms, event_id,
  incarnation) VALUES`;

/** Events of the details that a fold has had, by {@link eventKey}. In a replay later ones stand as well. */
async function readFolded(
  store: PartitionStore,
  details: readonly NewDetail[],
  closedUntilMs: number,
  closedOffset: number,
): Promise<Map<string, FoldedEvent>> {
  const ids = [...new Set(details.map(({ eventId }) => eventId))];
  const folded = new Map<string, FoldedEvent>();
  for (let at = 0; at < ids.length; at += 500) {
    const rows = await store.rows<FoldedEvent>(
      `SELECT account_id, created_ms, event_id, incarnation, feed_offset, body
       FROM event FORCE INDEX (identity)
       WHERE generation=${store.generation} AND event_id IN ${list(ids.slice(at, at + 500))}
         AND partition_id=${store.partition} AND created_ms < ${closedUntilMs}
         AND feed_offset < ${closedOffset}`,
    );
    for (const row of rows) {
      const { event } = JSON.parse(row.body) as UsageEventRecord;
      if (hasRule(event.type)) folded.set(eventKey(row.incarnation, row.event_id), row);
    }
  }
  return folded;
}

/** Offsets of those details that are what stands. */
async function readNews(
  store: PartitionStore,
  candidates: readonly { readonly detail: NewDetail; readonly event: FoldedEvent }[],
): Promise<ReadonlySet<number>> {
  const rows = await store.rows<{ feed_offset: string }>(
    `SELECT feed_offset FROM event_detail
     WHERE generation=${store.generation}
       AND account_id IN ${list(new Set(candidates.map(({ event }) => event.account_id)))}
       AND event_id IN ${list(new Set(candidates.map(({ event }) => event.event_id)))}`,
  );
  return new Set(rows.map((row) => Number(row.feed_offset)));
}
