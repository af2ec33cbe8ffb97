import type { AccountId, U64, ZoneId } from '../../contracts/ids.ts';
import { u64 } from '../../contracts/ids.ts';
import type { EpochMs } from '../../contracts/time.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import { tableNames } from '../../domain/account-state.ts';
import type { Cell } from '../../domain/helper-row.ts';
import { spanColumns } from '../../domain/helper-interval.ts';
import { growthTables, intervalTables } from '../../domain/helper-tables.ts';
import { counterBases } from '../../domain/java-state.ts';
import type { JavaAccount, JavaRow, TotalsRow } from '../../domain/java-state.ts';
import type { TableName } from '../../domain/intervals.ts';
import type { QuirkSet } from '../../domain/quirks.ts';
import { quoteName } from '../../platform/mysql.ts';

/** Rows of a SELECT, in whatever transaction they are read. */
export type ReadRows = (
  sql: string,
  values?: unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

interface JavaTables {
  readonly read: ReadRows;
  readonly cloudUsageSchema: string;
  readonly startMs: EpochMs;
  readonly quirks: QuirkSet;
}

const accountsAtOnce = 200;

/** All accounts that a Java usage server knows anything of, in id order, in pages. */
export async function* readJavaAccounts(from: JavaTables): AsyncGenerator<JavaAccount[]> {
  const { read, cloudUsageSchema, quirks } = from;
  const name = (table: string) => quoteName(cloudUsageSchema, table);
  const others = [
    ...[...Object.values(intervalTables), ...Object.values(growthTables)].map(
      (table) => table.name,
    ),
    'usage_event',
  ];
  const accounts = await read(
    `SELECT ids.id, a.domain_id FROM (SELECT id FROM ${name('account')}
       UNION ${others.map((table) => `SELECT account_id FROM ${name(table)}`).join(' UNION ')}) AS ids
     LEFT JOIN ${name('account')} AS a ON a.id = ids.id ORDER BY ids.id`,
  );
  for (let at = 0; at < accounts.length; at += accountsAtOnce) {
    const page = accounts.slice(at, at + accountsAtOnce);
    const ids = page.map((row) => String(row['id']));
    const rows: (JavaRow & { readonly accountId: string })[] = [];
    for (const table of tableNames) rows.push(...(await readIntervals(from, table, ids)));
    const byAccount = Map.groupBy(rows, ({ accountId }) => accountId);
    const network = await readTotals(from, 'network', ids);
    const disk = await readTotals(from, 'disk', ids);
    yield page.map((row) => {
      const id = String(row['id']);
      return {
        accountId: u64<AccountId>(id),
        domainId: idOrNull(row['domain_id']),
        rows: byAccount.get(id) ?? [],
        networkBases: counterBases(network.get(id) ?? [], quirks),
        diskBases: counterBases(disk.get(id) ?? [], quirks),
      };
    });
  }
}

/** Resource of the events that open rows of a table, and how their types begin. */
const opening: { readonly [T in TableName]: readonly [resource: string, ...types: string[]] } = {
  vm: ['vm_instance_id', 'VM.'],
  volume: ['volume_id', 'VOLUME.'],
  storage: ['entity_id', 'TEMPLATE.', 'ISO.', 'SNAPSHOT.', 'VOLUME.'],
  ip: ['ip_id', 'NET.IP'],
  loadBalancer: ['lb_id', 'LB.'],
  portForwarding: ['pf_id', 'NET.RULE'],
  networkOffering: ['vm_instance_id', 'NETWORK.OFFERING.'],
  vpnUser: ['user_id', 'VPN.USER.'],
  securityGroup: ['vm_instance_id', 'SG.'],
  vmSnapshot: ['vm_id', 'VMSNAPSHOT.CREATE'],
  snapshotOnPrimary: ['vm_id', 'VMSNAPSHOT.ON'],
  backup: ['vm_id', 'BACKUP.'],
  network: ['network_id', 'NETWORK.'],
  vpc: ['vpc_id', 'VPC.'],
};

async function readIntervals(
  { read, cloudUsageSchema, startMs }: JavaTables,
  table: TableName,
  accounts: readonly string[],
): Promise<(JavaRow & { readonly accountId: string })[]> {
  const [begin, end] = spanColumns(table).map((column) => `h.${quoteName(column)}`);
  const [resource, ...types] = opening[table];
  const { name, columns } = intervalTables[table];
  // Volumes of a VM snapshot have an event each.
  const isSame = table === 'vmSnapshot' ? 'AND u.template_id = h.volume_id' : '';
  const rows = await read(
    `SELECT h.id AS row_id, h.account_id, ${columns.map((column) => `h.${quoteName(column.name)}`).join(', ')},
       (SELECT MAX(u.id) FROM ${quoteName(cloudUsageSchema, 'usage_event')} AS u
        WHERE u.created = ${begin} AND u.account_id = h.account_id
          AND COALESCE(u.resource_id, 0) = h.${quoteName(resource)} ${isSame}
          AND (${types.map(() => 'u.type LIKE ?').join(' OR ')})) AS opened_by
     FROM ${quoteName(cloudUsageSchema, name)} AS h
     WHERE h.account_id IN (?) AND (${end} IS NULL OR ${end} >= ?) ORDER BY h.id`,
    [...types.map((type) => `${type}%`), accounts, sqlDateTime(startMs)],
  );
  return rows.map((row) => ({
    table,
    accountId: String(row['account_id']),
    id: u64(String(row['row_id'])),
    openedBy: idOrNull(row['opened_by']),
    cells: row as Readonly<Record<string, Cell>>,
  }));
}

const totalsOf = {
  network: {
    owner: 'host_id',
    part: 'network_id',
    totals: ['agg_bytes_sent', 'agg_bytes_received'],
  },
  disk: {
    owner: 'vm_id',
    part: 'volume_id',
    totals: ['agg_io_read', 'agg_io_write', 'agg_bytes_read', 'agg_bytes_write'],
  },
} as const;

/** The rows that can be the newest of a counter; the table keeps one a counter and window for ever. */
async function readTotals(
  { read, cloudUsageSchema, quirks }: JavaTables,
  kind: keyof typeof growthTables,
  accounts: readonly string[],
): Promise<Map<string, TotalsRow[]>> {
  const table = quoteName(cloudUsageSchema, growthTables[kind].name);
  const { owner, part, totals } = totalsOf[kind];
  const key = quirks.returningCounterChargedInFull
    ? 'account_id, zone_id'
    : `account_id, zone_id, ${owner}, ${part}`;
  const rows = await read(
    `SELECT t.account_id, t.zone_id, t.${owner} AS owner, t.${part} AS part, t.event_time_millis,
       ${totals.map((column, at) => `CAST(t.${column} AS CHAR) AS total_${at}`).join(', ')}
     FROM ${table} AS t JOIN (SELECT ${key}, MAX(event_time_millis) AS newest FROM ${table}
       WHERE account_id IN (?) GROUP BY ${key}) AS n USING (${key})
     WHERE t.event_time_millis = n.newest ORDER BY t.zone_id, t.${owner}, t.${part}`,
    [accounts],
  );
  const list = rows.map((row) => ({
    accountId: String(row['account_id']),
    zoneId: idOf(row['zone_id']) as ZoneId,
    ownerId: idOf(row['owner']),
    partId: idOrNull(row['part']),
    totals: totals.map((_, at) => String(row[`total_${at}`])),
    eventMs: Number(row['event_time_millis']),
  }));
  return Map.groupBy(list, ({ accountId }) => accountId);
}

const idOf = (cell: unknown): U64 => u64(String(cell));
const idOrNull = (cell: unknown): U64 | null => (cell == null ? null : idOf(cell));
