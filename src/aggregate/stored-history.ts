import type { FoldEvent } from '../contracts/fold.ts';
import type { AccountId, EventId } from '../contracts/ids.ts';
import type { EpochMs, Window } from '../contracts/time.ts';
import type { Published } from '../domain/correction.ts';
import { comparedColumns, withChanges } from '../domain/row-columns.ts';
import type { ColumnChanges, ComparedColumn, RowColumns } from '../domain/row-columns.ts';
import { toPending } from './account-entry.ts';
import type { PendingEvent } from './account-entry.ts';
import type { History } from './correct-account.ts';
import type { BaseEvents } from './base-events.ts';
import { joinDetails } from './join-details.ts';
import type { UsageEventRecord } from './parse-record.ts';
import { list } from './sql-text.ts';
import type { StoreReader } from './store.ts';

export interface StoredHistoryOptions {
  readonly store: StoreReader;
  readonly accountId: AccountId;
  /** Where the account's past begins; of events created before only those count that are not in its base state. */
  readonly from: { readonly startMs: EpochMs; readonly before: BaseEvents } | null;
  /** Start of the window that is being closed: events before it are read, corrections made in it are not. */
  readonly untilMs: EpochMs;
  /** Events from this offset on are of the future: in a replay they are in the table already. */
  readonly nextOffset: number;
  /** Events read at once. */
  readonly pageEvents: number;
  readonly pause: () => Promise<void>;
}

interface EventRow {
  readonly created_ms: string;
  readonly event_id: EventId;
  readonly incarnation: number;
  readonly feed_offset: string;
  readonly body: string;
}

/** An account's past as the tables have it, read in pages and once, from the oldest event on. */
export class StoredHistory implements History {
  readonly #options: StoredHistoryOptions;
  #page: readonly PendingEvent[] = [];
  #at = 0;
  #isLast = false;
  /** The rows after those that were read; the first condition is the one that an index can use. */
  #after = '';
  #hasBegun = false;

  constructor(options: StoredHistoryOptions) {
    this.#options = options;
  }

  pause(): Promise<void> {
    return this.#options.pause();
  }

  async nextMs(): Promise<EpochMs> {
    return (await this.#peek())?.createdMs ?? Infinity;
  }

  async takeUntil(endMs: EpochMs): Promise<readonly FoldEvent[]> {
    const taken: FoldEvent[] = [];
    for (;;) {
      const event = await this.#peek();
      if (event === undefined || event.createdMs >= endMs) return taken;
      taken.push(event);
      this.#at++;
    }
  }

  async published(windows: readonly Window[]): Promise<readonly ReadonlyMap<string, Published>[]> {
    const maps = new Map(windows.map(({ startMs }) => [startMs, new Map<string, Published>()]));
    if (windows.length === 0) return [];
    for (const row of await this.#records(windows)) putRow(maps, row);
    for (const one of await this.#corrections(windows)) putCorrection(maps, one);
    return [...maps.values()];
  }

  #records(windows: readonly Window[]): Promise<RecordRow[]> {
    const { store, accountId } = this.#options;
    return store.rows<RecordRow>(
      `SELECT window_start_ms, natural_key, quantity, ${comparedColumns.join(', ')} FROM record
       WHERE generation=${store.generation} AND window_start_ms IN ${starts(windows)}
         AND account_id=${accountId} AND kind='usage'`,
    );
  }

  /** Those of earlier closes, in their order: in a replay, later ones stand as well. */
  #corrections(windows: readonly Window[]): Promise<CorrectionRow[]> {
    const { store, accountId, untilMs } = this.#options;
    return store.rows<CorrectionRow>(
      `SELECT window_start_ms, natural_key, delta, changes FROM correction
       WHERE generation=${store.generation} AND account_id=${accountId}
         AND window_start_ms IN ${starts(windows)} AND made_start_ms < ${untilMs}
       ORDER BY made_start_ms`,
    );
  }

  async #peek(): Promise<PendingEvent | undefined> {
    if (this.#at === this.#page.length && !this.#isLast) await this.#read();
    return this.#page[this.#at];
  }

  async #read(): Promise<void> {
    const { store, accountId, from: base, untilMs, nextOffset, pageEvents } = this.#options;
    if (base !== null && !this.#hasBegun) {
      this.#hasBegun = true;
      const unhandled = await this.#readUnhandled(base);
      if (unhandled.length > 0) return this.#take(unhandled);
    }
    const from = base === null ? '' : `AND created_ms >= ${base.startMs}`;
    const rows = await store.rows<EventRow>(
      `SELECT created_ms, event_id, incarnation, feed_offset, body FROM event FORCE INDEX (PRIMARY)
       WHERE generation=${store.generation} AND account_id=${accountId} AND created_ms < ${untilMs}
         AND feed_offset < ${nextOffset} ${this.#after || from}
       ORDER BY created_ms, event_id, incarnation LIMIT ${pageEvents}`,
    );
    const last = rows.at(-1);
    if (last)
      this.#after = `AND created_ms >= ${last.created_ms} AND (created_ms, event_id, incarnation) >
        (${last.created_ms},${last.event_id},${last.incarnation})`;
    this.#isLast = rows.length < pageEvents;
    await this.#take(rows);
  }

  /** Late events of before the base that are not in it: few, as another usage server had not handled them. */
  async #readUnhandled({
    startMs,
    before,
  }: NonNullable<StoredHistoryOptions['from']>): Promise<EventRow[]> {
    const { store, accountId, nextOffset } = this.#options;
    const rows = await store.rows<EventRow>(
      `SELECT DISTINCT e.created_ms, e.event_id, e.incarnation, e.feed_offset, e.body
       FROM late_event l JOIN event e ON e.generation=l.generation AND e.account_id=l.account_id
         AND e.created_ms=l.created_ms AND e.event_id=l.event_id AND e.incarnation=l.incarnation
       WHERE l.generation=${store.generation} AND l.account_id=${accountId}
         AND l.created_ms < ${startMs} AND l.feed_offset < ${nextOffset}
       ORDER BY e.created_ms, e.event_id, e.incarnation`,
    );
    return rows.filter(
      ({ event_id: id, created_ms: ms }) => !before.has({ id, accountId, createdMs: Number(ms) }),
    );
  }

  async #take(rows: readonly EventRow[]): Promise<void> {
    const { store, accountId, nextOffset } = this.#options;
    this.#at = 0;
    this.#page = rows.map((row) => {
      const { event } = JSON.parse(row.body) as UsageEventRecord;
      return toPending(event, row.incarnation, Number(row.feed_offset));
    });
    const joined = { entry: { id: accountId, details: null }, events: this.#page };
    await joinDetails(store, [joined], -Infinity, nextOffset);
  }
}

interface RecordRow extends Readonly<Record<ComparedColumn, string | number | null>> {
  readonly window_start_ms: string;
  readonly natural_key: string;
  readonly quantity: string;
}

interface CorrectionRow {
  readonly window_start_ms: string;
  readonly natural_key: string;
  readonly delta: string;
  readonly changes: string | null;
}

type Maps = ReadonlyMap<EpochMs, Map<string, Published>>;

function putRow(maps: Maps, row: RecordRow): void {
  const cells = comparedColumns.map((name) => {
    const cell = row[name];
    return [name, cell === null ? null : String(cell)] as const;
  });
  const columns: RowColumns = Object.fromEntries(cells);
  const published = { quantity: BigInt(row.quantity), hasRow: true, columns };
  maps.get(Number(row.window_start_ms))?.set(row.natural_key, published);
}

function putCorrection(maps: Maps, one: CorrectionRow): void {
  const map = maps.get(Number(one.window_start_ms));
  const { quantity, hasRow, columns } = map?.get(one.natural_key) ?? none;
  const changes = one.changes === null ? {} : (JSON.parse(one.changes) as ColumnChanges);
  map?.set(one.natural_key, {
    quantity: quantity + BigInt(one.delta),
    hasRow,
    columns: withChanges(columns, changes),
  });
}

const none: Published = { quantity: 0n, hasRow: false, columns: {} };

const starts = (windows: readonly Window[]): string => list(windows.map(({ startMs }) => startMs));
