import type { Intervals, TableName } from './intervals.ts';
import type { StoredRow } from './audit-row.ts';

/** The resource of an interval: its kind and id. */
export function resourceKey<T extends TableName>(name: T, row: Intervals[T]): string {
  return `${name} ${idOf[name](row)}`;
}

const idOf: { readonly [T in TableName]: (row: Intervals[T]) => string } = {
  vm: (row) => row.vmId,
  volume: (row) => row.volumeId,
  storage: (row) => `${row.storageType}-${row.entityId}`,
  ip: (row) => row.ipId,
  loadBalancer: (row) => row.ruleId,
  portForwarding: (row) => row.ruleId,
  networkOffering: (row) => row.vmId,
  vpnUser: (row) => row.userId,
  securityGroup: (row) => row.vmId,
  vmSnapshot: (row) => row.vmId,
  snapshotOnPrimary: (row) => row.vmId,
  backup: (row) => row.vmId,
  network: (row) => row.networkId,
  vpc: (row) => row.vpcId,
};

/** The resource of a row of cloud_usage, as {@link resourceKey} names it; null for types without intervals. */
export function rowResource({ cells }: StoredRow): string | null {
  const { usage_id: id, vm_instance_id: vm } = cells;
  switch (Number(cells.usage_type)) {
    case 1:
    case 2:
      return `vm ${vm}`;
    case 3:
      return `ip ${id}`;
    case 6:
      return `volume ${id}`;
    case 7:
      return `storage 1-${id}`;
    case 8:
      return `storage 2-${id}`;
    case 9:
      return `storage 3-${id}`;
    case 26:
      return `storage 4-${id}`;
    case 10:
      return `securityGroup ${vm}`;
    case 11:
      return `loadBalancer ${id}`;
    case 12:
      return `portForwarding ${id}`;
    case 13:
      return `networkOffering ${vm}`;
    case 14:
      return `vpnUser ${id}`;
    case 25:
      return `vmSnapshot ${vm}`;
    case 27:
      return `snapshotOnPrimary ${vm}`;
    case 28:
      return `backup ${vm}`;
    case 30:
      return `network ${id}`;
    case 31:
      return `vpc ${id}`;
    default:
      return null;
  }
}

/**
 * Column of each helper table that names the resource, as {@link resourceKey} does, and the one that ends
 * a row.
 */
export const helperColumns: {
  readonly [T in TableName]: readonly [resource: string, end: string];
} = {
  vm: ['vm_instance_id', 'end_date'],
  volume: ['volume_id', 'deleted'],
  storage: ['entity_id', 'deleted'],
  ip: ['ip_id', 'released'],
  loadBalancer: ['lb_id', 'deleted'],
  portForwarding: ['pf_id', 'deleted'],
  networkOffering: ['vm_instance_id', 'deleted'],
  vpnUser: ['user_id', 'deleted'],
  securityGroup: ['vm_instance_id', 'deleted'],
  vmSnapshot: ['vm_id', 'processed'],
  snapshotOnPrimary: ['vm_id', 'deleted'],
  backup: ['vm_id', 'removed'],
  network: ['network_id', 'removed'],
  vpc: ['vpc_id', 'removed'],
};
