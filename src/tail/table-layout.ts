import { AppError } from '../platform/errors.ts';
import type { CapturedTable } from './captured-tables.ts';
import { columnKind } from './column-types.ts';
import type { ColumnKind } from './column-types.ts';

export interface LayoutColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly nullable: boolean;
}

/** A captured table as it was when a change was written: its captured columns in the source's order. */
export interface TableLayout {
  readonly db: string;
  readonly table: CapturedTable;
  readonly columns: readonly LayoutColumn[];
  readonly key: LayoutColumn;
}

/**
 * Fits the columns that a server has to the allow-list.
 *
 * @param found Every column of the table at that time, in table order, with its MySQL type.
 * @throws SOURCE_SCHEMA_MISMATCH naming the table and the columns that are missing or of a type that cannot be billed.
 */
export function layoutOf(
  db: string,
  table: CapturedTable,
  found: readonly { readonly name: string; readonly type: string }[],
): TableLayout {
  const names = new Set(found.map((column) => column.name));
  const missing = table.columns.filter((column) => column.needed && !names.has(column.name));
  const allowed = new Map(table.columns.map((column) => [column.name, column]));
  const unfit: string[] = [];
  const columns = found.flatMap(({ name, type }) => {
    const column = allowed.get(name);
    if (!column) return [];
    const kind = columnKind(type);
    if (kind === null) unfit.push(`${name} ${type}`);
    return kind === null ? [] : [{ name, kind, nullable: column.nullable }];
  });
  if (missing.length > 0 || unfit.length > 0)
    throw new AppError('SOURCE_SCHEMA_MISMATCH', {
      table: `${db}.${table.name}`,
      missing: missing.map((column) => column.name),
      ...(unfit.length > 0 ? { unsupportedTypes: unfit } : {}),
    });
  const key = columns.find((column) => column.name === table.primaryKey);
  if (!key) throw new AppError('SOURCE_SCHEMA_MISMATCH', { table: `${db}.${table.name}` });
  return { db, table, columns, key };
}
