// Upserts the rows of `record` into a copy of cloud_usage, 500 a statement: what writing them alone costs.
import { createConnection } from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import { mysqlOptions, parseMysqlUrl, quoteName } from '../../../src/platform/mysql.ts';

const [schema = '', cloudUsageSchema = ''] = process.argv.slice(2);
const connection = await createConnection(
  mysqlOptions(parseMysqlUrl(process.env['USAGESTREAM_BENCH_SINK'] ?? '')),
);
const columns = [
  ...['zone_id', 'account_id', 'domain_id', 'description', 'usage_display', 'usage_type'],
  ...['raw_usage', 'vm_instance_id', 'vm_name', 'offering_id', 'template_id', 'usage_id', 'type'],
  ...['size', 'network_id', 'virtual_size', 'cpu_speed', 'cpu_cores', 'memory', 'is_hidden'],
  ...['state', 'start_date', 'end_date'],
];
const copy = quoteName(cloudUsageSchema, 'bench_cloud_usage');
await connection.query(`CREATE TABLE ${copy} LIKE ${quoteName(cloudUsageSchema, 'cloud_usage')}`);
const update = columns.map((c) => `${c} = VALUES(${c})`).join(', ');
const page = 20_000;
let id = 0;
let wallMs = 0;
let cpuUs = 0;
const [windows] = await connection.query<RowDataPacket[]>(
  `SELECT DISTINCT window_start_ms AS w FROM ${quoteName(schema, 'record')} ORDER BY 1`,
);
for (const { w } of windows as { w: string }[])
  for (let offset = 0; ; offset += page) {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT ${columns.join(', ')} FROM ${quoteName(schema, 'record')}
       WHERE window_start_ms = ? LIMIT ${page} OFFSET ${offset}`,
      [w],
    );
    const values = rows.map((row) => [(id += 1), ...columns.map((c) => row[c] as unknown)]);
    const from = performance.now();
    const cpu = process.cpuUsage();
    await connection.beginTransaction();
    for (let at = 0; at < values.length; at += 500)
      await connection.query(
        `INSERT INTO ${copy} (id, ${columns.join(', ')}) VALUES ? ON DUPLICATE KEY UPDATE ${update}`,
        [values.slice(at, at + 500)],
      );
    await connection.commit();
    const used = process.cpuUsage(cpu);
    wallMs += performance.now() - from;
    cpuUs += used.user + used.system;
    if (rows.length < page) break;
  }
await connection.query(`DROP TABLE ${copy}`);
await connection.end();
console.log(JSON.stringify({ wallMs, cpuMs: cpuUs / 1000, rows: id }));
