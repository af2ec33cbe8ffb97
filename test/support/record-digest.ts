import { quoteName } from '../../src/platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../src/platform/mysql.ts';

/** Every column of `record` that says what was used; not which generation or whether it was published. */
const content = [
  ...['window_start_ms', 'account_id', 'record_id', 'window_end_ms', 'kind', 'usage_type'],
  ...['natural_key', 'quantity', 'zone_id', 'domain_id', 'description', 'usage_display'],
  ...['raw_usage', 'vm_instance_id', 'vm_name', 'offering_id', 'template_id', 'usage_id', 'type'],
  ...['size', 'network_id', 'virtual_size', 'cpu_speed', 'cpu_cores', 'memory', 'is_hidden'],
  ...['state', 'start_date', 'end_date', 'lineage'],
];

/** A digest of all records of a generation, equal when and only when they are. */
export async function recordDigest(
  pool: Pool,
  schema: string,
  generation: string,
): Promise<{ rows: number; digest: string }> {
  const columns = content.map((c) => `COALESCE(r.${c}, '\\0')`).join(", '|', ");
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS n, COALESCE(SUM(CAST(CONV(LEFT(h, 15), 16, 10) AS DECIMAL(30))), 0) AS a,
            COALESCE(SUM(CAST(CONV(RIGHT(h, 15), 16, 10) AS DECIMAL(30))), 0) AS b
     FROM (SELECT SHA2(CONCAT(${columns}), 256) AS h
           FROM ${quoteName(schema, 'record')} r JOIN ${quoteName(schema, 'generation')} g
             ON g.id = r.generation WHERE g.name = ?) AS hashes`,
    [generation],
  );
  const row: Readonly<Record<string, unknown>> = rows[0] ?? {};
  return { rows: Number(row['n']), digest: `${String(row['a'])}/${String(row['b'])}` };
}
