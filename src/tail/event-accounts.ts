import { LRUCache } from 'lru-cache';
import { u64 } from '../contracts/ids.ts';
import type { AccountId, EventId } from '../contracts/ids.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { idOf } from './feed-payload.ts';
import type { SourceChange } from './source.ts';

/**
 * Which account a usage event belongs to, for its details, which do not say it themselves.
 * Remembers the last events that went by and asks the source for the others, many at a time.
 */
export class EventAccounts {
  readonly #recent: LRUCache<EventId, AccountId>;
  readonly #table: string;

  constructor(cloudSchema: string, remembered = 50_000) {
    this.#recent = new LRUCache({ max: remembered });
    this.#table = quoteName(cloudSchema, 'usage_event');
  }

  saw(event: EventId, account: AccountId): void {
    this.#recent.set(event, account);
  }

  accountOf(event: EventId): AccountId | undefined {
    return this.#recent.get(event);
  }

  /** Events of the details among the changes that are neither remembered nor among the changes. */
  unknown(changes: readonly SourceChange[]): readonly EventId[] {
    const asked = new Set<EventId>();
    const here = new Set<EventId>();
    for (const { layout, after } of changes) {
      if (after === null) continue;
      const { kind } = layout.table;
      if (kind === 'usage-event') here.add(known(after, 'id'));
      if (kind !== 'event-detail') continue;
      const event = known(after, 'usage_event_id');
      if (!here.has(event) && !this.#recent.has(event)) asked.add(event);
    }
    return [...asked];
  }

  /** Looks up the events that are unknown. */
  async prepare(changes: readonly SourceChange[], connection: Connection): Promise<void> {
    const ids = this.unknown(changes);
    for (let from = 0; from < ids.length; from += 1000) {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT CAST(id AS CHAR) id, CAST(account_id AS CHAR) account FROM ${this.#table} WHERE id IN (?)`,
        [ids.slice(from, from + 1000)],
      );
      for (const row of rows) this.#recent.set(u64(String(row['id'])), u64(String(row['account'])));
    }
  }
}

// A value that is no id at all matches nothing; the row is refused when it is routed.
function known(row: NonNullable<SourceChange['after']>, column: string): EventId {
  try {
    return idOf<EventId>(row, column);
  } catch {
    return u64<EventId>(0);
  }
}
