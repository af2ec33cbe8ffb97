import type { UsageEvent } from '../contracts/feed-record.ts';
import { windowOf } from '../domain/window.ts';
import type { WindowSpec } from '../domain/window.ts';
import type { Refusal } from './parse-record.ts';
import { multiRow, quote } from './sql-text.ts';
import type { PartitionStore } from './store.ts';
import type { Tally } from './tally.ts';

/** An event that was refused on arrival, because another one has its id. */
export interface ConflictingEvent {
  readonly event: UsageEvent;
  readonly refusal: Refusal;
}

/** Records each as an anomaly of the window of its time, beside its dead letter, in the open transaction. */
export async function noteConflicts(
  store: PartitionStore,
  conflicts: readonly ConflictingEvent[],
  spec: WindowSpec,
  tally: Tally,
): Promise<void> {
  const rows = conflicts.map(({ event, refusal }) => {
    const { accountId, id, type, resourceId, createdMs } = event;
    const facts = quote(JSON.stringify({ type, resourceId, ...refusal.facts }));
    const { startMs } = windowOf(createdMs, spec);
    return `(${store.generation},${accountId},${id},'EVENT_ID_CONFLICT',${startMs},${facts})`;
  });
  for (const { sql } of multiRow(insertHead, rows, '', store.statementLimit)) await store.run(sql);
  tally.add('anomaly', 'EVENT_ID_CONFLICT', conflicts.length);
}

const insertHead = `INSERT IGNORE INTO anomaly (generation, account_id, event_id, code, window_start_ms,
  facts) VALUES`;
