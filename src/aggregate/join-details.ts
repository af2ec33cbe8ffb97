import { compareU64 } from '../contracts/ids.ts';
import type { AccountId, EventId, U64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { eventKey } from './account-entry.ts';
import type { AccountEntry, Details, PendingEvent } from './account-entry.ts';
import { list } from './sql-text.ts';
import type { StoreReader } from './store.ts';

/** The events of an account that a fold is about to take. */
export interface DueEvents {
  readonly entry: AccountEntry;
  readonly events: readonly PendingEvent[];
}

/** {@link DueEvents} as far as details need it. */
interface Joined {
  readonly entry: Pick<AccountEntry, 'id' | 'details'>;
  readonly events: readonly PendingEvent[];
}

/**
 * Joins to each event its details, in id order: from memory, or for accounts whose details are only in
 * the table by one query for all. Joined ones are dropped from memory.
 */
export async function joinDetails(
  store: StoreReader,
  due: readonly Joined[],
  fromMs: EpochMs,
  nextOffset: number,
): Promise<void> {
  const stored = due.filter(({ entry, events }) => entry.details === null && events.length > 0);
  const read =
    stored.length > 0
      ? await readDetails(store, stored, fromMs, nextOffset)
      : new Map<AccountId, Details>();
  for (const { entry, events } of due) {
    const details = entry.details ?? read.get(entry.id);
    if (!details || details.size === 0) continue;
    for (const event of events) {
      const key = eventKey(event.incarnation, event.id);
      const ofEvent = details.get(key);
      if (!ofEvent) continue;
      details.delete(key);
      event.details = [...ofEvent.values()].sort((a, b) => compareU64(a.id, b.id));
    }
  }
}

interface DetailRow {
  readonly account_id: AccountId;
  readonly event_id: EventId;
  readonly incarnation: number;
  readonly id: U64;
  readonly name: string;
  readonly value: string;
}

async function readDetails(
  store: StoreReader,
  due: readonly Joined[],
  fromMs: EpochMs,
  nextOffset: number,
): Promise<Map<AccountId, Details>> {
  const rows = await store.rows<DetailRow>(
    `SELECT account_id, event_id, incarnation, detail_id AS id, name, value FROM event_detail
     WHERE generation=${store.generation} AND feed_offset < ${nextOffset} AND (${due.map((one) => condition(one, fromMs)).join(' OR ')})`,
  );
  const accounts = new Map<AccountId, Details>();
  for (const row of rows) {
    const details: Details = accounts.get(row.account_id) ?? new Map();
    accounts.set(row.account_id, details);
    const key = eventKey(row.incarnation, row.event_id);
    const ofEvent = details.get(key) ?? new Map<string, DetailRow>();
    details.set(key, ofEvent.set(row.id, row));
  }
  return accounts;
}

/** Ids of one window lie close together; those of late events do not, and are named one by one. */
function condition({ entry, events }: Joined, fromMs: EpochMs): string {
  const late = events.filter((event) => event.createdMs < fromMs).map((event) => event.id);
  const inTime = events.filter((event) => event.createdMs >= fromMs).map((event) => event.id);
  inTime.sort(compareU64);
  const ranges = [
    ...(inTime.length > 0 ? [`event_id BETWEEN ${inTime[0]} AND ${inTime.at(-1)}`] : []),
    ...(late.length > 0 ? [`event_id IN ${list(late)}`] : []),
  ];
  return `(account_id=${entry.id} AND (${ranges.join(' OR ')}))`;
}
