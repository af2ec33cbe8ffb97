import type { EventId, U64, ZoneId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';

/**
 * A span in which one resource is in one billable state. The columns of each kind are those of the
 * helper table that CloudStack's usage server keeps for it, so that such tables can be written from
 * intervals and read back. See docs/cloudstack/usage-events.md.
 */
export interface Interval {
  /** Order of insertion within the account: what the helper table's auto-increment id expresses. */
  readonly serial: number;
  readonly zoneId: ZoneId;
  /** Time of the event that opened it. */
  readonly beginMs: EpochMs;
  /** null while open. */
  readonly endMs: EpochMs | null;
  readonly openedBy: EventId;
  /** null while open, and when a rule without an event closed it. */
  readonly closedBy: EventId | null;
}

/** usage_vm_instance; usage type 1 running, 2 allocated. */
export interface VmInterval extends Interval, CustomSize {
  readonly usageType: 1 | 2;
  readonly vmId: U64;
  readonly vmName: string;
  readonly offeringId: U64;
  readonly templateId: U64;
  readonly hypervisor: string | null;
}

/** What a VM of a dynamic offering was given; all null for a fixed offering. MHz and MB. */
export interface CustomSize {
  readonly cpuCores: U64 | null;
  readonly cpuSpeed: U64 | null;
  readonly memory: U64 | null;
}

/** usage_volume; vmId null is the cumulative row, else the row of the VM it is attached to. */
export interface VolumeInterval extends Interval {
  readonly volumeId: U64;
  readonly offeringId: U64 | null;
  readonly templateId: U64 | null;
  readonly size: U64;
  readonly vmId: U64 | null;
}

/** usage_storage; 1 template, 2 ISO, 3 snapshot, 4 volume on secondary storage. */
export interface StorageInterval extends Interval {
  readonly storageType: 1 | 2 | 3 | 4;
  readonly entityId: U64;
  readonly sourceId: U64 | null;
  readonly size: U64;
  readonly virtualSize: U64 | null;
}

/** usage_ip_address */
export interface IpInterval extends Interval {
  readonly ipId: U64;
  readonly address: string;
  readonly isSourceNat: boolean;
  readonly isSystem: boolean;
  readonly isHidden: boolean;
}

/** usage_load_balancer_policy, usage_port_forwarding */
export interface RuleInterval extends Interval {
  readonly ruleId: U64;
}

/** usage_network_offering */
export interface NetworkOfferingInterval extends Interval {
  readonly vmId: U64;
  readonly offeringId: U64;
  readonly nicId: U64;
  readonly isDefault: boolean;
}

/** usage_vpn_user */
export interface VpnUserInterval extends Interval {
  readonly userId: U64;
  readonly userName: string | null;
}

/** usage_security_group */
export interface SecurityGroupInterval extends Interval {
  readonly vmId: U64;
  readonly groupId: U64;
}

/** usage_vmsnapshot */
export interface VmSnapshotInterval extends Interval {
  readonly vmId: U64;
  readonly volumeId: U64;
  readonly offeringId: U64 | null;
  readonly size: U64;
  readonly vmSnapshotId: U64 | null;
}

/** usage_snapshot_on_primary */
export interface SnapshotOnPrimaryInterval extends Interval {
  readonly vmId: U64;
  readonly name: string | null;
  readonly physicalSize: U64;
  readonly virtualSize: U64;
  readonly vmSnapshotId: U64 | null;
}

/** usage_backup */
export interface BackupInterval extends Interval {
  readonly vmId: U64;
  readonly offeringId: U64;
  readonly size: U64;
  readonly protectedSize: U64;
}

/** usage_networks */
export interface NetworkInterval extends Interval {
  readonly networkId: U64;
  readonly offeringId: U64;
  readonly state: string | null;
}

/** usage_vpc */
export interface VpcInterval extends Interval {
  readonly vpcId: U64;
}

/** Every kind of interval by the name of its table in the account's state. */
export interface Intervals {
  readonly vm: VmInterval;
  readonly volume: VolumeInterval;
  readonly storage: StorageInterval;
  readonly ip: IpInterval;
  readonly loadBalancer: RuleInterval;
  readonly portForwarding: RuleInterval;
  readonly networkOffering: NetworkOfferingInterval;
  readonly vpnUser: VpnUserInterval;
  readonly securityGroup: SecurityGroupInterval;
  readonly vmSnapshot: VmSnapshotInterval;
  readonly snapshotOnPrimary: SnapshotOnPrimaryInterval;
  readonly backup: BackupInterval;
  readonly network: NetworkInterval;
  readonly vpc: VpcInterval;
}

export type TableName = keyof Intervals;
