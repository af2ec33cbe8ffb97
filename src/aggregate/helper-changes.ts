import { compareU64 } from '../contracts/ids.ts';
import type { Window } from '../contracts/time.ts';
import type { FoldOutput } from '../domain/fold.ts';
import { accountCopy, counterCopy, helperChanges } from '../domain/helper-row.ts';
import type { HelperChange } from '../domain/helper-row.ts';
import { resetTable } from '../domain/helper-tables.ts';
import type { AccountEntry, FactRecord, PendingEvent } from './account-entry.ts';
import { quote } from './sql-text.ts';
import type { PartitionStore } from './store.ts';

export const insertHelperChange = {
  head: `INSERT INTO helper_change (generation, window_start_ms, table_name, account_id, serial, event_id,
    body) VALUES`,
  tail: 'ON DUPLICATE KEY UPDATE event_id=VALUES(event_id), body=VALUES(body)',
};

/** Events that one row of helper_change names: an account may have millions in a window. */
const eventsPerRow = 1000;

/**
 * Row constructors of what a fold changes in the tables that a Java usage server works from: intervals,
 * counters, the events that it took, and copies of the facts that came since the close before.
 */
export function helperTuples(
  store: PartitionStore,
  window: Window,
  entry: Pick<AccountEntry, 'id'>,
  folded: Pick<FoldOutput, 'state' | 'changed' | 'growth'>,
  events: readonly PendingEvent[],
  facts: readonly FactRecord[],
): string[] {
  const head = `(${store.generation},${window.startMs},`;
  const tuple = ({ table, serial, eventId }: Omit<HelperChange, 'cells'>, body: string) =>
    `${head}${quote(table)},${entry.id},${serial},${eventId ?? 0},${quote(body)})`;
  const changes = [
    ...facts.flatMap(copyOf),
    ...helperChanges(folded, folded.state.domainId, window),
  ];
  const tuples = changes.map((change) => tuple(change, JSON.stringify(change.cells)));
  return [...tuples, ...eventTuples(head, entry, events, 0)];
}

/** Above the serial of any row of events that were in time. */
const firstLateSerial = 1_000_000_000_000;

/** The late events of an account, which its fold of the window does not have. */
export const lateEventTuples = (
  store: PartitionStore,
  window: Window,
  entry: Pick<AccountEntry, 'id'>,
  events: readonly PendingEvent[],
): string[] =>
  eventTuples(`(${store.generation},${window.startMs},`, entry, events, firstLateSerial);

/** Says that the account's past was made again: its intervals of lower serials are no more. */
export const helperReset = (
  store: PartitionStore,
  window: Window,
  entry: Pick<AccountEntry, 'id'>,
  belowSerial: number,
): string =>
  `(${store.generation},${window.startMs},'${resetTable}',${entry.id},${belowSerial},0,'[]')`;

function eventTuples(
  head: string,
  entry: Pick<AccountEntry, 'id'>,
  events: readonly PendingEvent[],
  firstSerial: number,
): string[] {
  const tuples: string[] = [];
  const ordered = events.toSorted((a, b) => a.createdMs - b.createdMs || compareU64(a.id, b.id));
  for (let at = 0; at < ordered.length; at += eventsPerRow) {
    const names = ordered
      .slice(at, at + eventsPerRow)
      .map((event) => `[${event.createdMs},${event.id},${event.incarnation}]`);
    const body = quote(`[${names.join(',')}]`);
    tuples.push(`${head}'usage_event',${entry.id},${firstSerial + at},0,${body})`);
  }
  return tuples;
}

function copyOf(record: FactRecord): HelperChange[] {
  if (record.kind === 'account') return [accountCopy(record.account)];
  return record.kind === 'counter' ? [counterCopy(record.counter)] : [];
}
