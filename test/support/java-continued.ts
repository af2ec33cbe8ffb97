import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { helperTables } from '../../src/domain/helper-tables.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import { readGoldenTable } from './golden.ts';
import type { Golden } from './golden.ts';

/** Loads what a real usage server left in its schema at the end of a golden history; it is stopped. */
export async function loadJavaTables(
  { pool, names }: Pipeline,
  { name, usage }: Golden,
  usageHeader: readonly string[],
): Promise<void> {
  const insert = async (table: string, columns: readonly string[], rows: readonly unknown[][]) => {
    if (rows.length === 0) return;
    const list = columns.map((column) => quoteName(column)).join(', ');
    const target = quoteName(names.cloudUsageSchema, table);
    await pool.query(`INSERT INTO ${target} (${list}) VALUES ?`, [rows]);
  };
  const copied = [...helperTables.map((table) => table.name), 'usage_event', 'usage_event_details'];
  for (const table of copied) {
    const rows = await readGoldenTable(name, table);
    const columns = Object.keys(rows[0] ?? {});
    await insert(
      table,
      columns,
      rows.map((row) => columns.map((column) => row[column])),
    );
  }
  const jobs = await readGoldenTable(name, 'usage_job');
  const columns = Object.keys(jobs[0] ?? {});
  await insert(
    'usage_job',
    [...columns, 'host', 'pid', 'heartbeat'],
    jobs.map((job) => [
      ...columns.map((column) => job[column]),
      'java/10.0.0.1',
      4711,
      job['end_date'],
    ]),
  );
  await insert(
    'cloud_usage',
    usageHeader,
    usage.map((line) => line.split('\t').map((cell) => (cell === 'NULL' ? null : cell))),
  );
}

type Row = Readonly<Record<string, string | null>>;

/** The events that close each open row, and what they name beside resource and zone. */
const closers: Readonly<Record<string, (row: Row) => readonly [string, string | null, Row]>> = {
  usage_vm_instance: (row) => [
    row['usage_type'] === '1' ? 'VM.STOP' : 'VM.DESTROY',
    row['vm_instance_id'] ?? null,
    {
      resource_name: row['vm_name'] ?? null,
      offering_id: row['service_offering_id'] ?? null,
      template_id: row['template_id'] ?? null,
    },
  ],
  usage_volume: (row) => ['VOLUME.DELETE', row['volume_id'] ?? null, {}],
  usage_storage: (row) => [
    ['', 'TEMPLATE.DELETE', 'ISO.DELETE', 'SNAPSHOT.DELETE', 'VOLUME.DELETE'][
      Number(row['storage_type'])
    ] ?? '',
    row['entity_id'] ?? null,
    {},
  ],
  usage_ip_address: (row) => [
    'NET.IPRELEASE',
    row['ip_id'] ?? null,
    { resource_name: row['public_ip_address'] ?? null, size: '0' },
  ],
  usage_port_forwarding: (row) => ['NET.RULEDELETE', row['pf_id'] ?? null, {}],
  usage_vpn_user: (row) => [
    'VPN.USER.REMOVE',
    row['user_id'] ?? null,
    { resource_name: row['user_name'] ?? null },
  ],
  usage_networks: (row) => [
    'NETWORK.DELETE',
    row['network_id'] ?? null,
    { offering_id: row['network_offering_id'] ?? null },
  ],
  usage_vpc: (row) => ['VPC.DELETE', row['vpc_id'] ?? null, {}],
};

/**
 * Statements that go on after a golden history: on the first day each second resource that the real server's
 * tables have open is closed, one by an event that is created before the end of the history and committed
 * after it; counters grow.
 */
export async function continuation({ name, toMs }: Golden, firstEventId: number): Promise<string> {
  const lines: string[] = [];
  const at = (ms: number) => lines.push(`SET TIMESTAMP=${ms / 1000};`);
  const text = (cell: string | null | undefined) => (cell == null ? 'NULL' : `'${cell}'`);
  let id = firstEventId;
  let seen = 0;
  for (const [table, closer] of Object.entries(closers))
    for (const row of await readGoldenTable(name, table)) {
      const ends = ['end_date', 'deleted', 'released', 'removed'];
      if (ends.some((end) => row[end] != null) || seen++ % 2 === 1) continue;
      const [type, resource, rest] = closer(row);
      const commitMs = toMs + 3_600_000 + id * 60_000;
      at(commitMs);
      // The first one is late: its time is of before the end.
      const createdMs = id === firstEventId ? toMs - 7_200_000 : commitMs;
      lines.push(
        `INSERT INTO cloud.usage_event (id,type,account_id,created,zone_id,resource_id,resource_name,offering_id,template_id,size,resource_type,virtual_size,vm_id) VALUES (${id},'${type}',${row['account_id']},'${sqlDateTime(createdMs)}',${row['zone_id']},${resource},${text(rest['resource_name'])},${rest['offering_id'] ?? 'NULL'},${rest['template_id'] ?? 'NULL'},${rest['size'] ?? 'NULL'},NULL,NULL,NULL);`,
      );
      id++;
    }
  const [counter] = await readGoldenTable(name, 'user_statistics');
  at(toMs + 80_000_000);
  if (counter)
    lines.push(
      `UPDATE cloud.user_statistics SET agg_bytes_sent=${Number(counter['agg_bytes_sent']) + 777}, agg_bytes_received=${Number(counter['agg_bytes_received']) + 333} WHERE id=${counter['id']};`,
    );
  return lines.join('\n');
}
