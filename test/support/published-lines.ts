import { quoteName } from '../../src/platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../src/platform/mysql.ts';

/** Columns of cloud_usage.tsv in a golden folder: all but id. */
export const usageColumns = [
  ...['zone_id', 'account_id', 'domain_id', 'description', 'usage_display', 'usage_type'],
  ...['raw_usage', 'vm_instance_id', 'vm_name', 'offering_id', 'template_id', 'usage_id', 'type'],
  ...['size', 'network_id', 'start_date', 'end_date', 'virtual_size', 'cpu_speed', 'cpu_cores'],
  ...['memory', 'quota_calculated', 'is_hidden', 'state'],
] as const;

/** As text: the client reads a double with an error in its last digit. */
const exactDouble = 'CAST(raw_usage AS CHAR) AS raw_usage';

const rawUsageAt = usageColumns.indexOf('raw_usage');
const typeAt = usageColumns.indexOf('usage_type');

/** Every row of cloud_usage as a line in the form of a golden file, sorted as text. */
export async function publishedLines(pool: Pool, cloudUsageSchema: string): Promise<string[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT ${usageColumns.map((c) => (c === 'raw_usage' ? exactDouble : quoteName(c))).join(', ')}
     FROM ${quoteName(cloudUsageSchema, 'cloud_usage')}`,
  );
  return rows
    .map((row) => usageColumns.map((c) => (row[c] === null ? 'NULL' : String(row[c]))).join('\t'))
    .map(normal)
    .toSorted();
}

/** Lines of a golden file in the same form. */
export const goldenLines = (lines: readonly string[]): string[] => lines.map(normal).toSorted();

export const usageTypeOf = (line: string): number => Number(line.split('\t')[typeAt]);

/** The double as JavaScript writes it, so that only its value counts, not how a server prints it. */
function normal(line: string): string {
  const cells = line.split('\t');
  cells[rawUsageAt] = String(Number(cells[rawUsageAt]));
  return cells.join('\t');
}
