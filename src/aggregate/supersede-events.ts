import { replayOf } from '../contracts/replay.ts';
import { list, multiRow } from './sql-text.ts';
import type { PartitionStore } from './store.ts';
import type { NewEvent, Standing } from './write-events.ts';

/**
 * Puts events that an operator replayed in the place of those that the fold refused, which had no effect: only
 * then may the content of an event change. The replayed ones count from their own offset, so a fold
 * of the feed from its start does the same.
 *
 * @param known Events of the batch that are stored already, with what is stored.
 * @returns those of them that took the place; the others stay duplicates or conflicts.
 */
export async function supersedeEvents(
  store: PartitionStore,
  known: readonly { readonly event: NewEvent; readonly stands: Standing }[],
  insertHead: string,
): Promise<ReadonlySet<NewEvent>> {
  const named = known.filter(({ event, stands }) => {
    const of = replayOf(event.source.headers);
    return of?.partition === store.partition && of.offset === Number(stands.feed_offset);
  });
  if (named.length === 0) return new Set();
  const rows = await store.rows<{ feed_offset: string }>(
    `SELECT feed_offset FROM dead_letter
     WHERE generation=${store.generation} AND partition_id=${store.partition}
       AND feed_offset IN ${list(named.map(({ stands }) => stands.feed_offset))}
       AND reason NOT IN ('FOLD_BUG','EVENT_ID_CONFLICT')`,
  );
  const refused = new Set(rows.map((row) => row.feed_offset));
  const taking = named.filter(
    ({ event, stands }) =>
      refused.has(stands.feed_offset) ||
      // Of a window that is still open: in no fold yet.
      (!event.isLate && Number(stands.created_ms) === event.event.createdMs),
  );
  for (const { stands } of taking)
    for (const table of ['event', 'late_event'])
      await store.run(
        `DELETE FROM ${table} WHERE generation=${store.generation} AND account_id=${stands.account_id}
           AND created_ms=${stands.created_ms} AND event_id=${stands.event_id}
           AND incarnation=${stands.incarnation}`,
      );
  const inserts = taking.map(({ event }) => event.row);
  for (const { sql } of multiRow(insertHead, inserts, '', store.statementLimit))
    await store.run(sql);
  return new Set(taking.map(({ event }) => event));
}
