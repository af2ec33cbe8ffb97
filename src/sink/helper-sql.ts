import type { HelperColumn, HelperTable } from '../domain/helper-tables.ts';
import { quoteName } from '../platform/mysql.ts';
import type { StoreTables } from './store-tables.ts';

/** One window's changes of one helper table; values: generation, window start, table name. */
export const changesOf = 'c.generation = ? AND c.window_start_ms = ? AND c.table_name = ?';

/** The cells of a change `c` as columns of `j`. A value that its type cannot hold is NULL. */
export const cells = (table: HelperTable): string =>
  `JSON_TABLE(c.body, '$' COLUMNS (${table.columns
    .map(({ name, type }, at) => `${quoteName(name)} ${types[type]} PATH '$[${at}]'`)
    .join(', ')})) AS j`;

const types = {
  number: 'DECIMAL(20,0)',
  date: 'DATETIME',
  text: 'VARCHAR(1024) CHARACTER SET utf8mb4',
} as const satisfies Record<HelperColumn['type'], string>;

/** True when the table can hold the cells of `j`; a character that it lacks becomes `?` when inserted. */
export function fits({ columns }: HelperTable): string {
  const rules = columns.flatMap(({ name, isRequired, length }) => {
    const cell = `j.${quoteName(name)}`;
    const isShort = `CHAR_LENGTH(${cell}) <= ${length ?? 0}`;
    return [
      ...(isRequired ? [`${cell} IS NOT NULL`] : []),
      ...(length === null ? [] : [isRequired ? isShort : `(${cell} IS NULL OR ${isShort})`]),
    ];
  });
  return `(${rules.join(' AND ')})`;
}

/** `` `a`, `b` `` of a table's columns; with a prefix `` j.`a`, j.`b` ``. */
export const names = (table: HelperTable, prefix = ''): string =>
  table.columns.map(({ name }) => prefix + quoteName(name)).join(', ');

/** What a later change sets in the row `t`. */
export const refresh = (table: HelperTable, cell = (name: string) => name): string =>
  table.refreshed
    .map((name) => `t.${quoteName(name)} = ${cell(`j.${quoteName(name)}`)}`)
    .join(', ');

/** The same with `?` for every character that utf8mb3 lacks, which MySQL refuses to do by itself here. */
export const refreshReduced = (table: HelperTable): string =>
  refresh(table, (name) => {
    const column = table.columns.find((each) => name === `j.${quoteName(each.name)}`);
    return column?.type === 'text' ? `CONVERT(${name} USING utf8mb3)` : name;
  });

/** The mapping `h` of a change `c`. */
export const mapped = (t: StoreTables): string =>
  `${t.helperRow} AS h ON h.generation = c.generation AND h.table_name = c.table_name
     AND h.account_id = c.account_id AND h.serial = c.serial`;
