import { readFile } from 'node:fs/promises';
import type { Connection, RowDataPacket } from '../../src/platform/mysql.ts';
import type { Preset } from '../../src/domain/quirks.ts';

/** A row as the recount and the fold are compared: every column of cloud_usage, and hours as ms. */
export type Line = string;

const columns = [
  ...[
    'account_id',
    'w',
    'usage_type',
    'zone_id',
    'domain_id',
    'description',
    'display',
    'quantity',
  ],
  ...['raw_usage', 'vm_instance_id', 'vm_name', 'offering_id', 'template_id', 'usage_id', 'type'],
  ...['size', 'network_id', 'virtual_size', 'cpu_speed', 'cpu_cores', 'memory', 'is_hidden'],
  ...['state', 'start_s', 'end_s'],
] as const;

/** Runs a file of statements; the rows of its last one, if that has any. */
export async function runSql(connection: Connection, name: string): Promise<RowDataPacket[]> {
  const sql = await readFile(new URL(`sql/${name}.sql`, import.meta.url), 'utf8');
  const [result] = await connection.query<RowDataPacket[]>(sql);
  const results: readonly unknown[] = Array.isArray(result) ? result : [];
  const last = results.at(-1);
  return (Array.isArray(last) ? last : results) as RowDataPacket[];
}

/** Counts all histories of the connection's schema again; their rows as lines. */
export async function recountHistories(connection: Connection, preset: Preset): Promise<Line[]> {
  await connection.query(`SET @java = ${preset === 'java-4.23' ? 1 : 0}`);
  for (const name of ['windows', 'events', 'spans', 'allocated']) await runSql(connection, name);
  const [cards] = await runSql(connection, 'cards');
  for (let step = 1; step <= Number(cards?.['steps']); step += 1) {
    await connection.query(`SET @step = ${step}`);
    await runSql(connection, 'walk');
  }
  for (const name of ['nics', 'facts', 'pieces', 'rows', 'counters'])
    await runSql(connection, name);
  const rows = await runSql(connection, 'result');
  return rows.map((row) => toLine(columns.map((column) => row[column] as string | number | null)));
}

export const toLine = (cells: readonly (string | number | null)[]): Line =>
  cells
    .map((cell, at) => {
      if (cell === null) return '-';
      return columns[at] === 'raw_usage' ? String(Number(cell)) : String(cell);
    })
    .join('|');

export const accountOf = (line: Line): string => line.split('|')[0] ?? '';
export const usageTypeOf = (line: Line): number => Number(line.split('|')[2]);
