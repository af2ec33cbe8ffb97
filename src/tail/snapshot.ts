import type { ColumnValue, SnapshotMarker } from '../contracts/change-event.ts';
import type { EpochMs } from '../contracts/time.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { capturedTables } from './captured-tables.ts';
import type { CapturedTable } from './captured-tables.ts';
import { datetimeMs } from './column-types.ts';
import type { SnapshotCursor } from './position.ts';
import type { Boundary, SourceChange } from './source.ts';
import type { TableLayout } from './table-layout.ts';

/** Rows to be committed together with the cursor that says so. */
export interface SnapshotChunk {
  readonly raw: readonly SourceChange[];
  readonly feed: readonly SourceChange[];
  /** null: this was the last chunk. */
  readonly cursor: SnapshotCursor | null;
  readonly table: string;
  readonly rows: number;
  /** Source time up to which all events have been read with this chunk; null when it says nothing. */
  readonly watermarkMs: EpochMs | null;
}

export interface SnapshotOptions {
  readonly cloudSchema: string;
  readonly layouts: ReadonlyMap<string, TableLayout>;
  /** Details are read twice, by event for the feed and as a table for the raw topic. */
  readonly raw: boolean;
  readonly chunkRows: number;
  /** Only tables for which this holds; default all. */
  readonly reads?: (table: CapturedTable) => boolean;
}

/** Where the first snapshot begins. @param connection In the consistent view that it will read. */
export async function startCursor(
  connection: Connection,
  cloudSchema: string,
  startedMs: EpochMs,
): Promise<SnapshotCursor> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT CAST(COALESCE(MAX(id), 0) AS CHAR) id FROM ${quoteName(cloudSchema, 'usage_event')}`,
  );
  const first = capturedTables[0]!.name;
  return { startedMs, maxEventId: String(rows[0]?.['id']), table: first, after: null, rows: 0 };
}

/**
 * Reads the captured tables in chunks, small ones by key, usage_event by (created, id) so that windows
 * of the past close in order, each chunk of events with their details.
 *
 * May be resumed from a committed cursor in a later consistent view: events above `maxEventId` are left
 * to the binlog, which is read from the first view's place, so only a row that was committed between the views
 * with a lower id comes twice, with the same content.
 *
 * @param connection In a consistent view; used by nobody else meanwhile.
 * @param at The place of the first view, which the rows are said to come from.
 */
export async function* readSnapshot(
  connection: Connection,
  options: SnapshotOptions,
  at: Boundary,
  start: SnapshotCursor,
): AsyncGenerator<SnapshotChunk> {
  const reader = new SnapshotReader(connection, options, at, start);
  const from = capturedTables.findIndex((table) => table.name === start.table);
  const tables = capturedTables
    .slice(Math.max(0, from))
    .filter((table) => options.raw || table.kind !== 'event-detail')
    .filter((table) => options.reads?.(table) ?? true);
  const filled: string[] = [];
  for (const { name } of tables) if (await reader.hasRows(name)) filled.push(name);

  let cursor: SnapshotCursor = { ...start, table: tables[0]!.name };
  let first = start.rows === 0;
  for (const [i, table] of tables.entries()) {
    let after = table.name === start.table ? start.after : null;
    for (let more: boolean = filled.includes(table.name); more;) {
      const chunk = await reader.chunk(table, after);
      more = chunk.more;
      const marked = chunk.rows.map((row, n) =>
        reader.change(table.name, row, {
          first: first && n === 0,
          firstOfTable: after === null && n === 0,
          lastOfTable: !more && n === chunk.rows.length - 1,
          lastTable: table.name === filled.at(-1),
        }),
      );
      if (chunk.rows.length > 0) first = false;
      after = chunk.last ?? after;
      cursor = { ...cursor, table: table.name, after, rows: cursor.rows + marked.length };
      const events = table.kind === 'usage-event';
      const details = events ? await reader.details(chunk.rows) : [];
      const ended = !more && i === tables.length - 1;
      yield {
        raw: marked,
        feed: table.kind === 'event-detail' ? [] : [...marked, ...details],
        cursor: ended ? null : cursor,
        table: table.name,
        rows: cursor.rows,
        watermarkMs: events ? reader.watermark(chunk.rows.at(-1)) : null,
      };
      if (ended) return;
    }
  }
  yield {
    raw: [],
    feed: [],
    cursor: null,
    table: cursor.table,
    rows: cursor.rows,
    watermarkMs: null,
  };
}

type Row = Record<string, ColumnValue>;
interface Place {
  readonly first: boolean;
  readonly firstOfTable: boolean;
  readonly lastOfTable: boolean;
  readonly lastTable: boolean;
}

class SnapshotReader {
  readonly #connection: Connection;
  readonly #options: SnapshotOptions;
  readonly #at: Boundary;
  readonly #start: SnapshotCursor;
  #hint: string | undefined;

  constructor(
    connection: Connection,
    options: SnapshotOptions,
    at: Boundary,
    start: SnapshotCursor,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#at = at;
    this.#start = start;
  }

  async hasRows(table: string): Promise<boolean> {
    const layout = this.#options.layouts.get(table)!;
    const [where, values] = this.#only(layout.table);
    const [rows] = await this.#connection.query<RowDataPacket[]>(
      `SELECT 1 FROM ${this.#name(table)} WHERE ${where} LIMIT 1`,
      values,
    );
    return rows.length > 0;
  }

  async chunk(table: CapturedTable, after: readonly string[] | null) {
    const byTime = table.kind === 'usage-event';
    const [only, values] = this.#only(table);
    const key = quoteName(table.primaryKey);
    const where = [only];
    if (byTime) {
      // An expression, so that the optimizer does not take the primary key for it and sort.
      where.push(`${key} + 0 <= ?`);
      values.push(this.#start.maxEventId);
    }
    if (after !== null && byTime) {
      // Both conditions, so that the index on created is used for a range.
      where.push('created >= ?', `(created > ? OR ${key} > ?)`);
      values.push(after[0]!, after[0]!, after[1]!);
    } else if (after !== null) {
      where.push(`${key} > ?`);
      values.push(after[0]!);
    }
    const limit = this.#options.chunkRows;
    const found = await this.#select(
      table.name,
      byTime ? await this.#byCreated() : '',
      `${where.join(' AND ')} ORDER BY ${byTime ? `created, ${key}` : key} LIMIT ${limit + 1}`,
      values,
    );
    const rows = found.slice(0, limit);
    const lastRow = rows.at(-1);
    const last = lastRow
      ? byTime
        ? [String(lastRow['created']), String(lastRow['id'])]
        : [String(lastRow[table.primaryKey])]
      : null;
    return { rows, more: found.length > limit, last };
  }

  async details(events: readonly Row[]): Promise<readonly SourceChange[]> {
    if (events.length === 0) return [];
    const rows = await this.#select(
      'usage_event_details',
      '',
      'usage_event_id IN (?) ORDER BY id',
      [events.map((row) => String(row['id']))],
    );
    return rows.map((row) => this.change('usage_event_details', row, null));
  }

  change(table: string, after: Row, place: Place | null): SourceChange {
    const { end } = this.#at;
    const startedMs = Math.floor(this.#start.startedMs / 1000) * 1000;
    return {
      db: this.#options.cloudSchema,
      table,
      op: 'r',
      before: null,
      after,
      layout: this.#options.layouts.get(table)!,
      position: { gtid: null, file: end.file, pos: end.pos, row: 0 },
      serverId: 0,
      commitMs: startedMs,
      eventMs: startedMs,
      snapshot: place === null ? 'true' : markerOf(place),
    };
  }

  /** One second before the last event, and never later than the snapshot itself. */
  watermark(last: Row | undefined): EpochMs | null {
    const ms = last === undefined ? null : datetimeMs(String(last['created']));
    return ms === null ? null : Math.min(ms - 1000, this.#start.startedMs - 1000);
  }

  // Left to itself the optimizer sorts the whole table for each chunk.
  async #byCreated(): Promise<string> {
    this.#hint ??= await this.#findHint();
    return this.#hint;
  }

  async #findHint(): Promise<string> {
    const [rows] = await this.#connection.query<RowDataPacket[]>(
      `SELECT INDEX_NAME name FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ?
       AND TABLE_NAME = 'usage_event' AND COLUMN_NAME = 'created' AND SEQ_IN_INDEX = 1 LIMIT 1`,
      [this.#options.cloudSchema],
    );
    const name = rows[0]?.['name'];
    return name ? `FORCE INDEX (${quoteName(String(name))})` : '';
  }

  async #select(
    table: string,
    hint: string,
    where: string,
    values: unknown[],
  ): Promise<readonly Row[]> {
    const names = this.#options.layouts.get(table)!.columns.map((column) => quoteName(column.name));
    const [rows] = await this.#connection.query<RowDataPacket[]>(
      `SELECT ${names.join(', ')} FROM ${this.#name(table)} ${hint} WHERE ${where}`,
      values,
    );
    return rows as Row[];
  }

  #only(table: CapturedTable): [where: string, values: unknown[]] {
    if (!table.only) return ['TRUE', []];
    return [`${quoteName(table.only.column)} IN (?)`, [[...table.only.values]]];
  }

  #name(table: string): string {
    return quoteName(this.#options.cloudSchema, table);
  }
}

// Debezium's order: the last of all, the first of all, the last of a table, the first of a table.
function markerOf(place: Place): SnapshotMarker {
  if (place.lastTable && place.lastOfTable) return 'last';
  if (place.first) return 'first';
  if (place.lastOfTable) return 'last_in_data_collection';
  return place.firstOfTable ? 'first_in_data_collection' : 'true';
}
