import type { ColumnValue } from '../contracts/change-event.ts';
import type { EpochMs } from '../contracts/time.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import type { Boundary, SourceChange } from './source.ts';
import type { TableLayout } from './table-layout.ts';

export type Row = Readonly<Record<string, ColumnValue>>;
export type Layouts = ReadonlyMap<string, TableLayout>;

/** Rows of a captured table with its captured columns only. @param where From WHERE on, without the word. */
export async function selectRows(
  connection: Connection,
  layout: TableLayout,
  where: string,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  const names = layout.columns.map((column) => quoteName(column.name)).join(', ');
  const table = quoteName(layout.db, layout.table.name);
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT ${names} FROM ${table} WHERE ${where}`,
    [...values],
  );
  return rows as Row[];
}

/** Events above an id up to another, by id. @returns at most `limit` rows. */
export const eventsAbove = (
  connection: Connection,
  layouts: Layouts,
  range: { readonly above: string; readonly upTo: string; readonly limit: number },
): Promise<readonly Row[]> =>
  selectRows(
    connection,
    layouts.get('usage_event')!,
    `id > ? AND id <= ? ORDER BY id LIMIT ${range.limit}`,
    [range.above, range.upTo],
  );

/** All details of these events, by id. */
export async function detailsOf(
  connection: Connection,
  layouts: Layouts,
  events: readonly Row[],
): Promise<readonly Row[]> {
  if (events.length === 0) return [];
  const ids = events.map((row) => String(row['id']));
  const where = 'usage_event_id IN (?) ORDER BY id';
  return selectRows(connection, layouts.get('usage_event_details')!, where, [ids]);
}

/** A row that was read, as a change. @param atMs The source's clock when it was read. */
export function readChange(
  layout: TableLayout,
  after: Row,
  at: Boundary,
  atMs: EpochMs,
): SourceChange {
  const wholeMs = Math.floor(atMs / 1000) * 1000;
  return {
    db: layout.db,
    table: layout.table.name,
    op: 'r',
    before: null,
    after,
    layout,
    position: { gtid: null, file: at.end.file, pos: at.end.pos, row: 0 },
    serverId: 0,
    commitMs: wholeMs,
    eventMs: wholeMs,
    snapshot: 'incremental',
  };
}
