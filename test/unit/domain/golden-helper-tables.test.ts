import { expect, test } from 'vitest';
import type { EpochMs } from '../../../src/contracts/time.ts';
import { sqlDateTime } from '../../../src/contracts/time.ts';
import type { Intervals, TableName } from '../../../src/domain/intervals.ts';
import { quirkSet } from '../../../src/domain/quirks.ts';
import { foldGolden, readGolden, readGoldenTable } from '../../support/golden.ts';
import type { GoldenFold } from '../../support/golden.ts';

const names = ['basic', 'week', 'zones', 'volvm'];

test.each([
  ...check('usage_vm_instance', 'vm', names, (r) => ({
    usage_type: r.usageType,
    vm_instance_id: r.vmId,
    vm_name: r.vmName,
    service_offering_id: r.offeringId,
    template_id: r.templateId,
    hypervisor_type: r.hypervisor,
    start_date: date(r.beginMs),
    end_date: date(r.endMs),
    cpu_speed: r.cpuSpeed,
    cpu_cores: r.cpuCores,
    memory: r.memory,
  })),
  ...check('usage_volume', 'volume', names, (r) => ({
    volume_id: r.volumeId,
    disk_offering_id: r.offeringId,
    template_id: r.templateId,
    size: r.size,
    vm_id: r.vmId,
    ...created(r),
  })),
  ...check('usage_storage', 'storage', names.slice(0, 3), (r) => ({
    entity_id: r.entityId,
    storage_type: r.storageType,
    source_id: r.sourceId,
    size: r.size,
    virtual_size: r.virtualSize,
    ...created(r),
  })),
  ...check('usage_ip_address', 'ip', names.slice(0, 3), (r) => ({
    ip_id: r.ipId,
    public_ip_address: r.address,
    is_source_nat: Number(r.isSourceNat),
    is_system: Number(r.isSystem),
    is_hidden: Number(r.isHidden),
    assigned: date(r.beginMs),
    released: date(r.endMs),
  })),
  ...check('usage_load_balancer_policy', 'loadBalancer', ['basic', 'zones'], (r) => ({
    lb_id: r.ruleId,
    ...created(r),
  })),
  ...check('usage_port_forwarding', 'portForwarding', names.slice(0, 3), (r) => ({
    pf_id: r.ruleId,
    ...created(r),
  })),
  ...check('usage_network_offering', 'networkOffering', names.slice(0, 3), (r) => ({
    vm_instance_id: r.vmId,
    network_offering_id: r.offeringId,
    nic_id: r.nicId,
    is_default: Number(r.isDefault),
    ...created(r),
  })),
  ...check('usage_vpn_user', 'vpnUser', names.slice(0, 3), (r) => ({
    user_id: r.userId,
    user_name: r.userName,
    ...created(r),
  })),
  ...check('usage_security_group', 'securityGroup', names.slice(0, 3), (r) => ({
    vm_instance_id: r.vmId,
    security_group_id: r.groupId,
    ...created(r),
  })),
  ...check('usage_vmsnapshot', 'vmSnapshot', names.slice(0, 3), (r) => ({
    vm_id: r.vmId,
    volume_id: r.volumeId,
    disk_offering_id: r.offeringId,
    size: r.size,
    vm_snapshot_id: r.vmSnapshotId,
    created: date(r.beginMs),
    processed: date(r.endMs),
  })),
  ...check('usage_snapshot_on_primary', 'snapshotOnPrimary', names.slice(0, 3), (r) => ({
    vm_id: r.vmId,
    volume_id: r.vmId,
    name: r.name,
    physicalsize: r.physicalSize,
    virtualsize: r.virtualSize,
    vm_snapshot_id: r.vmSnapshotId,
    ...created(r),
  })),
  ...check('usage_backup', 'backup', names.slice(0, 3), (r) => ({
    vm_id: r.vmId,
    backup_offering_id: r.offeringId,
    size: r.size,
    protected_size: r.protectedSize,
    created: date(r.beginMs),
    removed: date(r.endMs),
  })),
  ...check('usage_networks', 'network', names.slice(0, 3), (r) => ({
    network_id: r.networkId,
    network_offering_id: r.offeringId,
    state: r.state,
    created: date(r.beginMs),
    removed: date(r.endMs),
  })),
  ...check('usage_vpc', 'vpc', ['basic', 'week'], (r) => ({
    vpc_id: r.vpcId,
    created: date(r.beginMs),
    removed: date(r.endMs),
  })),
])('$file of $name can be written from the intervals that folds changed', async (c) => {
  const { folds } = foldGolden(await readGolden(c.name), quirkSet('java-4.23'));
  const ours = c.rowsOf(folds);
  const columns = Object.keys(ours[0] ?? {});
  const theirs = await readGoldenTable(c.name, c.file);
  expect(ours.map(lineOf(columns)).toSorted()).toEqual(theirs.map(lineOf(columns)).toSorted());
});

type Cells = Readonly<Record<string, string | number | null>>;

/** One case per golden folder: all intervals of a kind as rows of a helper table. */
function check<T extends TableName>(
  file: string,
  table: T,
  folders: readonly string[],
  cellsOf: (row: Intervals[T]) => Cells,
) {
  const rowsOf = (folds: GoldenFold['folds']): Cells[] => {
    const newest = new Map<string, Cells>();
    for (const { accountId, changed } of folds)
      for (const row of changed[table] ?? [])
        newest.set(`${accountId} ${row.serial}`, {
          account_id: accountId,
          zone_id: row.zoneId,
          ...cellsOf(row),
        });
    return [...newest.values()];
  };
  return folders.map((name) => ({ name, file, rowsOf }));
}

const date = (ms: EpochMs | null): string | null => (ms === null ? null : sqlDateTime(ms));

const created = (row: { readonly beginMs: EpochMs; readonly endMs: EpochMs | null }) => ({
  created: date(row.beginMs),
  deleted: date(row.endMs),
});

const lineOf =
  (columns: readonly string[]) =>
  (row: Cells): string =>
    columns.map((column) => `${column}=${row[column] ?? 'NULL'}`).join(' ');
