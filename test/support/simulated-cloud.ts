import { readFile } from 'node:fs/promises';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { parseMysqlUrl, quoteName } from '../../src/platform/mysql.ts';
import type { Connection, MysqlTarget } from '../../src/platform/mysql.ts';
import { createCloudSchema, openPlayer } from '../../src/simulate/schema.ts';
import { randomSuffix, servers } from './servers.ts';

const usageTables = new URL('../../deploy/migrations/cloud-usage-4.23.sql', import.meta.url);

/** Fresh `cloud` and `cloud_usage` schemas on the test server, dropped at the end. */
export interface SimulatedCloud extends AsyncDisposable {
  readonly target: MysqlTarget;
  readonly connection: Connection;
  readonly cloudSchema: string;
  readonly cloudUsageSchema: string;
}

export async function createSimulatedCloud(): Promise<SimulatedCloud> {
  const suffix = randomSuffix();
  const [cloudSchema, cloudUsageSchema] = [`us_${suffix}_cloud`, `us_${suffix}_cloud_usage`];
  const target = parseMysqlUrl(servers().mariadbUrl);
  await createCloudSchema(target, cloudSchema);
  const connection = await openPlayer(target);
  await connection.query(
    `CREATE DATABASE ${cloudUsageSchema}; USE ${cloudUsageSchema}; ${await readFile(usageTables, 'utf8')}`,
  );
  return {
    target,
    connection,
    cloudSchema,
    cloudUsageSchema,
    async [Symbol.asyncDispose]() {
      await connection.query(
        `DROP DATABASE ${quoteName(cloudSchema)}; DROP DATABASE ${quoteName(cloudUsageSchema)}`,
      );
      await connection.end();
    },
  };
}

const columns = `zone_id, account_id, domain_id, description, usage_display, usage_type, raw_usage,
  vm_instance_id, vm_name, offering_id, template_id, usage_id, type, size, network_id, start_date,
  end_date, virtual_size, cpu_speed, cpu_cores, memory, is_hidden, state`;

/** Writes usage rows as plainly as can be. */
export async function insertUsageRows(cloud: SimulatedCloud, rows: readonly UsageRow[]) {
  const table = quoteName(cloud.cloudUsageSchema, 'cloud_usage');
  for (let from = 0; from < rows.length; from += 2_000)
    await cloud.connection.query(`INSERT INTO ${table} (${columns}) VALUES ?`, [
      rows.slice(from, from + 2_000).map(cells),
    ]);
}

const cells = (r: UsageRow): (string | number | boolean | null)[] => [
  r.zoneId,
  r.accountId,
  r.domainId,
  r.description,
  r.usageDisplay,
  r.usageType,
  r.rawUsage,
  r.vmInstanceId,
  r.vmName,
  r.offeringId,
  r.templateId,
  r.usageId,
  r.type,
  r.size,
  r.networkId,
  sqlDateTime(r.startMs),
  sqlDateTime(r.endMs),
  r.virtualSize,
  r.cpuSpeed,
  r.cpuCores,
  r.memory,
  r.isHidden,
  r.state,
];
