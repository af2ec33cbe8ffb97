import type { Account, Counter } from '../contracts/feed-record.ts';
import type { EventId, U64 } from '../contracts/ids.ts';
import type { EpochMs, Window } from '../contracts/time.ts';
import { sqlDateTime } from '../contracts/time.ts';
import { copyTables, growthTables, intervalTables } from './helper-tables.ts';
import { tableNames } from './account-state.ts';
import type { FoldOutput } from './fold.ts';
import type { Interval, Intervals, TableName } from './intervals.ts';

/** What a fold, or a changed fact, makes of one row of a helper table: all its columns, as they are now. */
export interface HelperChange {
  /** Name of the table in CloudStack's schema. */
  readonly table: string;
  /** With the account: which row. Of a copy its id, of an interval its serial, of a growth its place. */
  readonly serial: number | string;
  /** The event that opened the interval; null for the rest. */
  readonly eventId: EventId | null;
  /** In the order of the table's columns. */
  readonly cells: readonly Cell[];
}

export type Cell = string | number | null;

/** The helper rows that a fold changed or made. @param domainId Of rows that are new: the account's domain. */
export function helperChanges(
  { changed, growth }: Pick<FoldOutput, 'changed' | 'growth'>,
  domainId: U64 | null,
  window: Window,
): HelperChange[] {
  const rows = tableNames.flatMap((name) => ofIntervals(name, changed[name] ?? [], domainId));
  for (const kind of ['network', 'disk'] as const)
    for (const [serial, one] of growth[kind].entries())
      rows.push({
        table: growthTables[kind].name,
        serial,
        eventId: null,
        cells: [
          ...[one.zoneId, one.ownerId, ...(kind === 'network' ? [one.label] : []), one.partId],
          ...one.deltas.map(String),
          ...one.totals.map(String),
          window.endMs - 1,
        ],
      });
  return rows;
}

function ofIntervals<T extends TableName>(
  name: T,
  rows: readonly Intervals[T][],
  domainId: U64 | null,
): HelperChange[] {
  return rows.map((row) => ({
    table: intervalTables[name].name,
    serial: row.serial,
    eventId: row.openedBy,
    cells: [row.zoneId, ...(name === 'vm' ? [] : [domainId ?? '0']), ...cellsOf[name](row)],
  }));
}

/** CloudStack's role of a plain user, which it gives to accounts without one. */
const userRole = '4';

/** The copy of an account as a Java server makes it. */
export const accountCopy = (row: Account): HelperChange =>
  copyOf(copyTables.account.name, row, [
    row.name,
    row.uuid,
    row.type,
    row.roleId ?? userRole,
    row.domainId,
    date(row.removedMs),
    Number(row.cleanupNeeded),
  ]);

/** The copy of a statistics row. An address too long for the copy's column is cut: nothing is billed by it. */
export function counterCopy(row: Counter): HelperChange {
  switch (row.table) {
    case 'user_statistics':
      return copyOf(row.table, row, [
        ...[row.zoneId, row.publicIpAddress?.slice(0, 15) ?? null, row.deviceId, row.deviceType],
        ...[row.networkId, row.netBytesReceived, row.netBytesSent, row.currentBytesReceived],
        ...[row.currentBytesSent, row.aggBytesReceived, row.aggBytesSent],
      ]);
    case 'vm_disk_statistics':
      return copyOf(row.table, row, [
        ...[row.zoneId, row.vmId, row.volumeId],
        ...[row.netIoRead, row.netIoWrite, row.currentIoRead, row.currentIoWrite],
        ...[row.aggIoRead, row.aggIoWrite, row.netBytesRead, row.netBytesWrite],
        ...[row.currentBytesRead, row.currentBytesWrite, row.aggBytesRead, row.aggBytesWrite],
      ]);
    case 'bucket_statistics':
      return copyOf(row.table, row, [row.bucketId, row.size]);
  }
}

const copyOf = (table: string, row: { readonly id: U64 }, cells: readonly Cell[]) => ({
  ...{ table, serial: row.id, eventId: null, cells },
});

const date = (ms: EpochMs | null): string | null => (ms === null ? null : sqlDateTime(ms));
const span = (row: Interval) => [date(row.beginMs), date(row.endMs)];

/** Cells after zone and domain, in the order of the table's columns. */
const cellsOf: { readonly [T in TableName]: (row: Intervals[T]) => Cell[] } = {
  vm: (r) => [
    ...[r.usageType, r.vmId, r.vmName, r.offeringId, r.templateId, r.hypervisor, ...span(r)],
    ...[r.cpuSpeed, r.cpuCores, r.memory],
  ],
  volume: (r) => [r.volumeId, r.offeringId, r.templateId, r.size, ...span(r), r.vmId],
  storage: (r) => [...[r.entityId, r.storageType, r.sourceId, r.size, ...span(r), r.virtualSize]],
  ip: (r) => [
    ...[r.ipId, r.address, Number(r.isSourceNat), Number(r.isSystem), ...span(r)],
    Number(r.isHidden),
  ],
  loadBalancer: (r) => [r.ruleId, ...span(r)],
  portForwarding: (r) => [r.ruleId, ...span(r)],
  networkOffering: (r) => [r.vmId, r.offeringId, Number(r.isDefault), ...span(r), r.nicId],
  vpnUser: (r) => [r.userId, r.userName, ...span(r)],
  securityGroup: (r) => [r.vmId, r.groupId, ...span(r)],
  vmSnapshot: (r) => [r.volumeId, r.vmId, r.offeringId, r.size, ...span(r), r.vmSnapshotId],
  // CloudStack keeps the VM in the volume's column, and always type 0.
  snapshotOnPrimary: (r) => [
    ...[r.vmId, r.vmId, r.name, 0, r.physicalSize, r.virtualSize, ...span(r), r.vmSnapshotId],
  ],
  backup: (r) => [r.vmId, r.offeringId, r.size, r.protectedSize, ...span(r)],
  network: (r) => [r.offeringId, r.networkId, r.state, ...span(r)],
  vpc: (r) => [r.vpcId, 'Enabled', ...span(r)],
};
