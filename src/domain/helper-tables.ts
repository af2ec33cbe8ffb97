/**
 * The tables of `cloud_usage` that a Java usage server works from, beside its rows: their columns as
 * CloudStack 4.23 has them. See docs/cloudstack/tables.md.
 *
 * - `interval`: one row an interval, with a surrogate id; a later window changes or closes it.
 * - `growth`: one row a counter and window; never changed.
 * - `copy`: a row of the management server's table under its own id.
 */
export interface HelperTable {
  readonly name: string;
  readonly kind: 'interval' | 'growth' | 'copy';
  /** Beside id and account_id, in the order of the cells of a change. */
  readonly columns: readonly HelperColumn[];
  /** What a later change sets; the others stay as they were when the row was inserted. */
  readonly refreshed: readonly string[];
}

export interface HelperColumn {
  readonly name: string;
  readonly type: 'number' | 'date' | 'text';
  readonly isRequired: boolean;
  /** Longest text, characters. */
  readonly length: number | null;
}

/** A column in short: `?` it may be NULL, `@` a date, `$n` a text of up to n characters, else a number. */
function column(short: string): HelperColumn {
  const [, name = '', optional, date, length] = /^(\w+)(\?)?(@)?(?:\$(\d+))?$/.exec(short) ?? [];
  return {
    name,
    type: date === undefined ? (length === undefined ? 'number' : 'text') : 'date',
    isRequired: optional === undefined,
    length: length === undefined ? null : Number(length),
  };
}

const columns = (short: string): HelperColumn[] => short.split(' ').map(column);

const everyColumn = (table: Omit<HelperTable, 'refreshed'>): string[] =>
  table.columns.map(({ name }) => name);

/** An interval table. Its domain is that of the account when the interval was opened, and stays. */
function intervals(name: string, short: string): HelperTable {
  const table = { name, kind: 'interval', columns: columns(`zone_id ${short}`) } as const;
  return { ...table, refreshed: everyColumn(table).filter((column) => column !== 'domain_id') };
}

function growth(name: string, short: string): HelperTable {
  const table = { name, kind: 'growth', columns: columns(`zone_id ${short}`) } as const;
  return { ...table, refreshed: everyColumn(table) };
}

const copy = (name: string, short: string, refreshed: readonly string[]): HelperTable => ({
  ...{ name, kind: 'copy', columns: columns(short), refreshed },
});

const createdDeleted = 'created@ deleted?@';
const createdRemoved = 'created@ removed?@';

/** By the kind of their intervals. */
export const intervalTables = {
  vm: intervals(
    'usage_vm_instance',
    'usage_type vm_instance_id vm_name$255 service_offering_id template_id hypervisor_type?$255 start_date@ end_date?@ cpu_speed? cpu_cores? memory?',
  ),
  volume: intervals(
    'usage_volume',
    `domain_id volume_id disk_offering_id? template_id? size? ${createdDeleted} vm_id?`,
  ),
  storage: intervals(
    'usage_storage',
    `domain_id entity_id storage_type source_id? size ${createdDeleted} virtual_size?`,
  ),
  ip: intervals(
    'usage_ip_address',
    'domain_id ip_id public_ip_address$15 is_source_nat is_system assigned@ released?@ is_hidden',
  ),
  loadBalancer: intervals('usage_load_balancer_policy', `domain_id lb_id ${createdDeleted}`),
  portForwarding: intervals('usage_port_forwarding', `domain_id pf_id ${createdDeleted}`),
  networkOffering: intervals(
    'usage_network_offering',
    `domain_id vm_instance_id network_offering_id is_default ${createdDeleted} nic_id`,
  ),
  vpnUser: intervals('usage_vpn_user', `domain_id user_id user_name?$255 ${createdDeleted}`),
  securityGroup: intervals(
    'usage_security_group',
    `domain_id vm_instance_id security_group_id ${createdDeleted}`,
  ),
  vmSnapshot: intervals(
    'usage_vmsnapshot',
    'domain_id volume_id vm_id disk_offering_id? size? created@ processed?@ vm_snapshot_id?',
  ),
  snapshotOnPrimary: intervals(
    'usage_snapshot_on_primary',
    `domain_id volume_id vm_id name?$128 type physicalsize? virtualsize? ${createdDeleted} vm_snapshot_id?`,
  ),
  backup: intervals(
    'usage_backup',
    `domain_id vm_id backup_offering_id size? protected_size? ${createdRemoved}`,
  ),
  network: intervals(
    'usage_networks',
    `domain_id network_offering_id network_id state?$100 ${createdRemoved}`,
  ),
  vpc: intervals('usage_vpc', `domain_id vpc_id state?$100 ${createdRemoved}`),
} as const;

export const growthTables = {
  network: growth(
    'usage_network',
    'host_id host_type?$32 network_id bytes_sent bytes_received agg_bytes_sent agg_bytes_received event_time_millis',
  ),
  disk: growth(
    'usage_vm_disk',
    'vm_id volume_id io_read io_write bytes_read bytes_write agg_io_read agg_io_write agg_bytes_read agg_bytes_write event_time_millis',
  ),
} as const;

const bytes =
  'net_bytes_received net_bytes_sent current_bytes_received current_bytes_sent agg_bytes_received agg_bytes_sent';
const diskTotals = ['net', 'current', 'agg']
  .flatMap((total) => [`${total}_io_read`, `${total}_io_write`])
  .concat(
    ['net', 'current', 'agg'].flatMap((total) => [`${total}_bytes_read`, `${total}_bytes_write`]),
  );

/** Copies of the management server's tables, with what a Java server refreshes of a known row. */
export const copyTables = {
  account: copy(
    'account',
    'account_name?$100 uuid?$40 type role_id domain_id? removed?@ cleanup_needed',
    ['account_name', 'removed'],
  ),
  userStatistics: copy(
    'user_statistics',
    `data_center_id public_ip_address?$15 device_id device_type$32 network_id? ${bytes}`,
    bytes.split(' '),
  ),
  vmDiskStatistics: copy(
    'vm_disk_statistics',
    `data_center_id vm_id volume_id ${diskTotals.join(' ')}`,
    diskTotals,
  ),
  bucketStatistics: copy('bucket_statistics', 'bucket_id size?', ['size']),
} as const;

/** All of them, in the order in which they are written. */
export const helperTables: readonly HelperTable[] = [
  ...Object.values(copyTables),
  ...Object.values(intervalTables),
  ...Object.values(growthTables),
];

/**
 * Not a table: a change that says of an account that its intervals below a serial are no more, since its
 * past was folded again with late events.
 */
export const resetTable = 'reset';
