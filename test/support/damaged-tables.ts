import { readdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { usageColumns } from '../../src/domain/audit-row.ts';
import { windowsOfSpan } from '../../src/domain/audit-jobs.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { openPool, parseMysqlUrl, quoteName } from '../../src/platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../src/platform/mysql.ts';
import { createCloudSchema, openPlayer } from '../../src/simulate/schema.ts';
import { readGolden, readGoldenTable } from './golden.ts';
import { servers } from './servers.ts';
import type { SqlRow } from './sql-script.ts';

const folder = new URL('../data/golden/', import.meta.url);

/** Schemas of a cloud whose usage server is stopped, as a golden run left them. */
export interface DamagedTables extends AsyncDisposable {
  readonly pool: Pool;
  readonly cloudSchema: string;
  readonly cloudUsageSchema: string;
  /** Ours, migrated and empty. */
  readonly schema: string;
  /** Rows of a statement; `$cu.` and `$cloud.` are the schemas. */
  query(sql: string, values?: readonly unknown[]): Promise<RowDataPacket[]>;
  /** Every table of cloud_usage, row by row, as text: to compare before and after. */
  content(): Promise<Record<string, string[]>>;
}

export interface DamagedOptions {
  /** As on servers whose usage_volume takes the two rows of an attached volume. */
  readonly wideVolumeKey?: boolean;
}

/**
 * Loads what a golden run left into schemas of its own. The files have no ids of cloud_usage: rows get them
 * in the order in which the runs of usage_job wrote them.
 */
export async function loadDamaged(
  name: string,
  { wideVolumeKey = false }: DamagedOptions = {},
): Promise<DamagedTables> {
  const target = parseMysqlUrl(servers().mariadbUrl);
  const id = randomBytes(4).toString('hex');
  const [cloudSchema, cloudUsageSchema] = [`us_${id}_cloud`, `us_${id}_cloud_usage`];
  const schema = `us_${id}_usage_stream`;
  const pool = openPool(target, 2);
  const query = async (sql: string, values: readonly unknown[] = []) => {
    const text = sql
      .replaceAll('$cu.', `${quoteName(cloudUsageSchema)}.`)
      .replaceAll('$cloud.', `${quoteName(cloudSchema)}.`);
    const [rows] = await pool.query<RowDataPacket[]>(text, [...values]);
    return rows;
  };
  const tables: DamagedTables = {
    ...{ pool, cloudSchema, cloudUsageSchema, schema, query },
    content: () => contentOf(query, cloudUsageSchema),
    async [Symbol.asyncDispose]() {
      for (const one of [cloudSchema, cloudUsageSchema, schema])
        await pool.query(`DROP DATABASE IF EXISTS ${quoteName(one)}`);
      await pool.end();
    },
  };
  await createCloudSchema(target, cloudSchema);
  await migrate(pool, { schema, cloudUsageSchema, withCloudUsage: true, dryRun: false });
  const golden = await readGolden(name);
  const player = await openPlayer(target);
  await player.query(
    golden.inputSql.replaceAll(/\b(INSERT INTO|UPDATE) cloud\./g, `$1 ${cloudSchema}.`),
  );
  await player.end();
  if (wideVolumeKey)
    await query(
      'ALTER TABLE $cu.usage_volume DROP INDEX id, ADD UNIQUE KEY id (volume_id, created, vm_id)',
    );
  const files = readdirSync(new URL(`${name}/`, folder))
    .filter((file) => file.endsWith('.tsv') && file !== 'windows.tsv')
    .map((file) => file.slice(0, -4))
    // Details refer to events.
    .toSorted((a, b) => Number(a === 'usage_event_details') - Number(b === 'usage_event_details'));
  for (const table of files) {
    const rows = await readGoldenTable(name, table);
    const ordered = table === 'cloud_usage' ? await inRunOrder(name, rows, golden.rangeMs) : rows;
    await insert(query, cloudUsageSchema, table, ordered);
  }
  return tables;
}

async function insert(
  query: DamagedTables['query'],
  schema: string,
  table: string,
  rows: readonly SqlRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const known = await query(
    'SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [schema, table],
  );
  const columns = known.map((row) => String(row['name'])).filter((name) => name in (rows[0] ?? {}));
  const more = table === 'usage_job' ? ['host', 'pid', 'heartbeat'] : [];
  const job = ['java/10.0.0.1', 7, '2026-01-01 00:00:00'];
  await query(
    `INSERT INTO $cu.${quoteName(table)} (${[...columns, ...more].map((c) => quoteName(c)).join(', ')}) VALUES ?`,
    [rows.map((row) => [...columns.map((column) => row[column]), ...(more.length > 0 ? job : [])])],
  );
}

/** Each run writes a row of each kind that its windows had by then: the last runs have all of them. */
async function inRunOrder(
  name: string,
  rows: readonly SqlRow[],
  rangeMs: number,
): Promise<SqlRow[]> {
  const jobs = (await readGoldenTable(name, 'usage_job')).filter((job) => job['success'] === '1');
  const ownDates = (row: SqlRow) => ['25', '27'].includes(row['usage_type'] ?? '');
  const runs = jobs.map((job, at) => ({
    at,
    windows: [
      ...windowsOfSpan(
        { startMs: Number(job['start_millis']), endMs: Number(job['end_millis']) + 1 },
        rangeMs,
      ),
    ].map(({ startMs, endMs }) => [sqlDateTime(startMs), sqlDateTime(endMs - 1)] as const),
  }));
  const placed = [...Map.groupBy(rows, (row) => JSON.stringify(row)).values()].flatMap((copies) => {
    const [first] = copies;
    const [start, end] = [first?.['start_date'] ?? '', first?.['end_date'] ?? ''];
    const isOwn = first !== undefined && ownDates(first);
    const writers = runs.flatMap(({ at, windows }) => {
      const window = windows.findIndex(([from, to]) =>
        isOwn ? end >= from && end <= to : start === from && end === to,
      );
      return window === -1 ? [] : [{ at, window }];
    });
    const last = writers.slice(-copies.length);
    return copies.map((row, copy) => ({ row, ...(last[copy] ?? { at: 0, window: 0 }) }));
  });
  return placed
    .toSorted(
      (a, b) =>
        a.at - b.at ||
        a.window - b.window ||
        Number(a.row['account_id']) - Number(b.row['account_id']),
    )
    .map(({ row }) => row);
}

async function contentOf(
  query: DamagedTables['query'],
  schema: string,
): Promise<Record<string, string[]>> {
  const tables = await query(
    'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME',
    [schema],
  );
  const content: Record<string, string[]> = {};
  for (const { name } of tables) {
    const columns = await query(
      'SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
      [schema, name],
    );
    const cells = columns.map((column) => String(column['name']));
    // As the server writes them: doubles to the last digit.
    const text = cells.map((cell) => `'${cell}=', QUOTE(${quoteName(cell)})`).join(", ' ', ");
    const rows = await query(`SELECT CONCAT(${text}) AS line FROM $cu.${quoteName(String(name))}`);
    content[String(name)] = rows.map((row) => String(row['line'])).toSorted();
  }
  return content;
}

const fileColumns = [...usageColumns.slice(0, -1), 'quota_calculated', 'is_hidden', 'state'];

/** The rows of cloud_usage as lines of cloud_usage.tsv, sorted. */
export async function usageLines(tables: DamagedTables, where = 'TRUE'): Promise<string[]> {
  const columns = fileColumns.map((column) =>
    column === 'raw_usage' ? 'CAST(raw_usage AS CHAR) AS raw_usage' : column,
  );
  const rows = await tables.query(
    `SELECT ${columns.join(', ')} FROM $cu.cloud_usage WHERE ${where}`,
  );
  return rows
    .map((row) => fileColumns.map((column) => String(row[column] ?? 'NULL')).join('\t'))
    .toSorted();
}

/** The rows of a table but their ids, sorted. */
export async function tableLines(tables: DamagedTables, table: string): Promise<string[]> {
  const rows = await tables.query(`SELECT * FROM $cu.${quoteName(table)}`);
  return rows.map(lineOf).toSorted();
}

/** The same of a golden run. */
export const goldenLines = async (name: string, table: string): Promise<string[]> =>
  (await readGoldenTable(name, table)).map(lineOf).toSorted();

const lineOf = (row: Readonly<Record<string, unknown>>): string =>
  Object.entries(row)
    .filter(([column]) => column !== 'id')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([column, cell]) => `${column}=${String(cell)}`)
    .join(' ');
