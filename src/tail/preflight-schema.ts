import { isAppError } from '../platform/errors.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { capturedTables } from './captured-tables.ts';
import type { Finding, PreflightOptions } from './preflight.ts';
import { layoutOf } from './table-layout.ts';
import type { TableLayout } from './table-layout.ts';

type Columns = ReadonlyMap<string, readonly { readonly name: string; readonly type: string }[]>;

/** The captured tables have the columns that billing needs, and can be read in a consistent view. */
export async function checkSchema(
  connection: Connection,
  { cloudSchema }: PreflightOptions,
): Promise<readonly Finding[]> {
  const columns = await columnsOf(connection, cloudSchema);
  const engines = await enginesOf(connection, cloudSchema);
  return capturedTables.flatMap((table): Finding[] => {
    const check = `table ${cloudSchema}.${table.name}`;
    try {
      layoutOf(cloudSchema, table, columns.get(table.name) ?? []);
    } catch (error) {
      if (!isAppError(error)) throw error;
      const { missing, unsupportedTypes } = error.facts;
      const lacks =
        Array.isArray(missing) && missing.length > 0 ? `lacks ${missing.join(', ')}` : '';
      const types = Array.isArray(unsupportedTypes) ? ` has ${unsupportedTypes.join(', ')}` : '';
      const found = columns.has(table.name) ? `${lacks}${types}`.trim() : 'does not exist';
      const fix = 'use CloudStack 4.20 or newer';
      return [{ check, level: 'fatal', found, facts: error.facts, fix }];
    }
    const engine = engines.get(table.name) ?? '';
    if (engine.toLowerCase() === 'innodb') return [{ check, level: 'ok', found: engine }];
    return [
      {
        check,
        level: 'warning',
        found: `engine ${engine}`,
        why: 'a first snapshot of it is not consistent with the binlog',
        fix: `ALTER TABLE \`${cloudSchema}\`.\`${table.name}\` ENGINE = InnoDB;`,
      },
    ];
  });
}

/** The layouts of all captured tables as they are now. @throws SOURCE_SCHEMA_MISMATCH. */
export async function layoutsNow(
  connection: Connection,
  cloudSchema: string,
): Promise<ReadonlyMap<string, TableLayout>> {
  const columns = await columnsOf(connection, cloudSchema);
  return new Map(
    capturedTables.map((table) => [
      table.name,
      layoutOf(cloudSchema, table, columns.get(table.name) ?? []),
    ]),
  );
}

async function columnsOf(connection: Connection, cloudSchema: string): Promise<Columns> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT TABLE_NAME t, COLUMN_NAME c, COLUMN_TYPE y FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?) ORDER BY TABLE_NAME, ORDINAL_POSITION`,
    [cloudSchema, capturedTables.map((table) => table.name)],
  );
  return Map.groupBy(
    rows.map((row) => ({
      table: String(row['t']),
      name: String(row['c']),
      type: String(row['y']),
    })),
    (column) => column.table,
  );
}

async function enginesOf(
  connection: Connection,
  cloudSchema: string,
): Promise<ReadonlyMap<string, string>> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT TABLE_NAME t, ENGINE e FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?',
    [cloudSchema],
  );
  return new Map(rows.map((row) => [String(row['t']), String(row['e'])]));
}
