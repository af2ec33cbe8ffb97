import { createConnection } from 'mysql2/promise';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { intervalTables } from '../../src/domain/helper-tables.ts';
import { mysqlOptions } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { readGoldenTable } from './golden.ts';
import { cutByCommit } from './golden-parts.ts';
import type { Golden } from './golden.ts';
import { runStage, untilArgs } from './stages.ts';

const day = 86_400_000;

/**
 * Plays a golden history, or what of it was committed before `untilMs`; the accounts that CloudStack is
 * installed with are there before.
 *
 * @returns plays the rest
 */
export async function playGoldenCloud(
  pipeline: Pipeline,
  golden: Golden,
  untilMs = Infinity,
): Promise<() => Promise<void>> {
  await enterSystemAccounts(pipeline, golden);
  await asGoldenSchema(pipeline, golden, pipeline.names.cloudUsageSchema);
  // The tail begins before the history, so that all of it comes by the binlog with its commit times.
  await runStage(pipeline, 'tail', ...untilArgs(golden.fromMs - day));
  const [first, rest] = goldenParts(golden, [untilMs]);
  await playGoldenPart(pipeline, first ?? '');
  return () => playGoldenPart(pipeline, rest ?? '');
}

/** The accounts that CloudStack is installed with; the history does not make them. */
export async function enterSystemAccounts(pipeline: Pipeline, golden: Golden): Promise<void> {
  const system = (await readGoldenTable(golden.name, 'account')).filter(
    ({ id }) => id === '1' || id === '2',
  );
  await pipeline.pool.query(
    `INSERT IGNORE INTO ${pipeline.names.cloudSchema}.account (${accountColumns.join(', ')}) VALUES ?`,
    [system.map((row) => accountColumns.map((column) => row[column]))],
  );
}

/** The golden run volvm was made on a schema without the key of usage_volume. */
export async function asGoldenSchema(
  { pool }: Pipeline,
  { name }: Golden,
  cloudUsageSchema: string,
): Promise<void> {
  if (name === 'volvm')
    await pool.query(`ALTER TABLE ${cloudUsageSchema}.usage_volume DROP INDEX id`);
}

/** The history cut into what was committed before each instant, and the rest; each can be played by itself. */
export function goldenParts({ inputSql }: Golden, cutsMs: readonly number[]): string[] {
  const [session = ''] = inputSql.split('\n');
  return cutByCommit(inputSql, cutsMs).map((part, at) => (at === 0 ? part : `${session}\n${part}`));
}

/** Plays statements of a golden history in the pipeline's cloud. */
export async function playGoldenPart({ target, names }: Pipeline, sql: string): Promise<void> {
  if (sql === '') return;
  const player = await createConnection({ ...mysqlOptions(target), multipleStatements: true });
  await player.query(sql.replaceAll(/\b(INSERT INTO|UPDATE) cloud\./g, `$1 ${names.cloudSchema}.`));
  await player.end();
}

const accountColumns = ['id', 'account_name', 'uuid', 'type', 'role_id', 'domain_id'];
const surrogate = new Set<string>([
  'usage_job',
  ...Object.values(intervalTables).map((table) => table.name),
]);

/** A table of a golden folder, a line each row. */
export async function goldenTableLines(folder: string, table: string): Promise<string[]> {
  const rows = await readGoldenTable(folder, table);
  return rows.map((row) => lineOf(without(row, surrogate.has(table)))).toSorted();
}

/** Our table in the columns that the golden file has. */
export async function tableLines(
  pipeline: Pipeline,
  folder: string,
  table: string,
  cloudUsageSchema = pipeline.names.cloudUsageSchema,
): Promise<string[]> {
  const [golden] = await readGoldenTable(folder, table);
  const [rows] = await pipeline.pool.query<RowDataPacket[]>(
    `SELECT * FROM ${cloudUsageSchema}.${table}`,
  );
  return rows
    .map((row) => {
      const columns = Object.keys(golden ?? row);
      const cells = columns.map((column) => [column, row[column] as unknown] as const);
      return lineOf(without(Object.fromEntries(cells), surrogate.has(table)));
    })
    .toSorted();
}

function without(row: Readonly<Record<string, unknown>>, isSurrogate: boolean) {
  const { id, ...rest } = row;
  return isSurrogate || id === undefined ? rest : { id, ...rest };
}

export const lineOf = (row: Readonly<Record<string, unknown>>): string =>
  Object.entries(row)
    .filter(([column]) => column !== 'id')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .reduce((line, [column, cell]) => `${line}${column}=${textOf(cell)} `, idOf(row));

const textOf = (cell: unknown): string =>
  typeof cell === 'string' || typeof cell === 'number' ? String(cell) : 'NULL';

const idOf = (row: Readonly<Record<string, unknown>>): string =>
  'id' in row ? `id=${textOf(row['id'])} ` : '';
