import type { BinlogEventByTypeName, RowData, UpdateRowData } from '@vlasky/zongji';
import type { AppError } from '../platform/errors.ts';
import { capturedTables } from './captured-tables.ts';
import { layoutOf } from './table-layout.ts';
import type { TableLayout } from './table-layout.ts';

export type TableMapEvent = BinlogEventByTypeName<'TableMap'>;
// What the library keeps on a rows event beside its declared fields.
export type RowsEvent = Omit<BinlogEventByTypeName<'UpdateRows'>, 'rows' | 'getTypeName'> & {
  readonly rows: readonly (RowData | UpdateRowData)[];
  readonly columns_present_bitmap: Uint8Array;
  readonly columns_present_bitmap2?: Uint8Array;
};

type Undecodable = (reason: string, event: { nextPosition: number }, facts?: object) => AppError;

/**
 * The captured tables as they were when the rows at hand were written: the binlog describes a table before
 * its rows, with names and types of its columns if `binlog_row_metadata` is FULL.
 */
export class BinlogTables {
  readonly #cloudSchema: string;
  readonly #undecodable: Undecodable;
  readonly #byId = new Map<number, { layout: TableLayout; names: readonly string[] }>();

  constructor(cloudSchema: string, undecodable: Undecodable) {
    this.#cloudSchema = cloudSchema;
    this.#undecodable = undecodable;
  }

  /** @throws TAIL_UNDECODABLE, SOURCE_SCHEMA_MISMATCH when rows of the table could not be read or billed. */
  describe(event: TableMapEvent): void {
    const { tableId, schemaName, tableName } = event;
    const table = capturedTables.find((each) => each.name === tableName);
    if (!table || schemaName !== this.#cloudSchema) return;
    const name = `${schemaName}.${tableName}`;
    if (!event.hasSelfDescribingMetadata())
      throw this.#undecodable(
        'binlog_row_metadata was not FULL when the change was written',
        event,
        { table: name, fix: "SET GLOBAL binlog_row_metadata = 'FULL'" },
      );
    const names = event.columnNames!;
    const known = this.#byId.get(tableId);
    if (known && known.layout.table === table && sameNames(known.names, names)) return;
    const schemas = event.tableMap[tableId]?.columnSchemas ?? [];
    const found = schemas.map((each) => ({ name: each.COLUMN_NAME, type: each.COLUMN_TYPE }));
    const read = found.map((each) => each.name);
    if (!sameNames(names, read))
      throw this.#undecodable(
        'the columns in the binlog are not those it was decoded with',
        event,
        { table: name },
      );
    this.#byId.set(tableId, { layout: layoutOf(schemaName, table, found), names });
  }

  /** @throws TAIL_UNDECODABLE when the table was not described or the rows lack columns. */
  layoutOf(event: RowsEvent): TableLayout {
    const known = this.#byId.get(event.tableId);
    if (!known) throw this.#undecodable('rows without the description of their table', event);
    const { layout, names } = known;
    if (event.numberOfColumns !== names.length)
      throw this.#undecodable('rows have another number of columns than their table', event);
    const { columns_present_bitmap: first, columns_present_bitmap2: second } = event;
    if (!allPresent(first, names.length) || (second && !allPresent(second, names.length)))
      throw this.#undecodable('a row image is not complete', event, {
        table: `${layout.db}.${layout.table.name}`,
        fix: "SET GLOBAL binlog_row_image = 'FULL', and the same for the session that wrote it",
      });
    return layout;
  }

  /** Table ids start again. */
  clear(): void {
    this.#byId.clear();
  }
}

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

function allPresent(bitmap: Uint8Array, columns: number): boolean {
  for (let i = 0; i < columns; i++) if ((bitmap[i >> 3]! & (1 << (i & 7))) === 0) return false;
  return true;
}
