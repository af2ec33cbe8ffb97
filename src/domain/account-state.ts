import type { AccountId, U64, ZoneId } from '../contracts/ids.ts';
import type { Intervals, TableName } from './intervals.ts';

/**
 * What a fold must know of an account's past: its open intervals, the closed ones that the next
 * window still touches, and the totals last seen. It does not grow with history.
 */
export interface AccountState {
  readonly accountId: AccountId;
  /** The domain that rows carry; null until an account row was seen. */
  readonly domainId: U64 | null;
  readonly nextSerial: number;
  /** In serial order. */
  readonly intervals: { readonly [T in TableName]: readonly Intervals[T][] };
  /** user_statistics: sent, received. */
  readonly networkBases: readonly CounterBase[];
  /** vm_disk_statistics: requests read, written, bytes read, written. */
  readonly diskBases: readonly CounterBase[];
}

/** Totals of one counter as of the newest window that had it: the agg columns of the helper tables. */
export interface CounterBase {
  readonly zoneId: ZoneId;
  /** Device, or VM. */
  readonly ownerId: U64;
  /** Network, or volume. */
  readonly partId: U64 | null;
  /** Decimal text: a sum may pass 64 bits. In the order of the counter's directions. */
  readonly totals: readonly string[];
}

/** The state of an account of which nothing was folded yet. */
export function emptyState(accountId: AccountId): AccountState {
  const intervals = Object.fromEntries(tableNames.map((name) => [name, []]));
  return {
    accountId,
    domainId: null,
    nextSerial: 1,
    intervals: intervals as unknown as AccountState['intervals'],
    networkBases: [],
    diskBases: [],
  };
}

const version = 1;

/** The state as JSON. Intervals are arrays in a fixed column order: names would be most of the text. */
export function encodeState(state: AccountState): string {
  const intervals: Record<string, unknown[][]> = {};
  for (const name of tableNames) {
    const rows: readonly object[] = state.intervals[name];
    if (rows.length > 0) intervals[name] = rows.map((row) => toCells(row, intervalColumns(name)));
  }
  return JSON.stringify({
    version,
    accountId: state.accountId,
    domainId: state.domainId,
    nextSerial: state.nextSerial,
    intervals,
    networkBases: state.networkBases.map((base) => toCells(base, baseColumns)),
    diskBases: state.diskBases.map((base) => toCells(base, baseColumns)),
  });
}

/**
 * Reads what {@link encodeState} wrote.
 * @throws RangeError when a newer build wrote it, or a row does not have this build's columns.
 */
export function decodeState(text: string): AccountState {
  const read = JSON.parse(text) as Encoded;
  if (read.version !== version)
    throw new RangeError(`account state of version ${read.version}; this build reads ${version}`);
  const intervals = Object.fromEntries(
    tableNames.map((name) => [
      name,
      (read.intervals[name] ?? []).map((cells) => fromCells(cells, intervalColumns(name))),
    ]),
  );
  return {
    accountId: read.accountId,
    domainId: read.domainId,
    nextSerial: read.nextSerial,
    intervals: intervals as unknown as AccountState['intervals'],
    networkBases: read.networkBases.map((c) => fromCells(c, baseColumns) as CounterBase),
    diskBases: read.diskBases.map((c) => fromCells(c, baseColumns) as CounterBase),
  };
}

interface Encoded extends Pick<AccountState, 'accountId' | 'domainId' | 'nextSerial'> {
  readonly version: number;
  readonly intervals: Readonly<Record<string, readonly unknown[][]>>;
  readonly networkBases: readonly unknown[][];
  readonly diskBases: readonly unknown[][];
}

function toCells(row: object, columns: readonly string[]): unknown[] {
  const cells = row as Readonly<Record<string, unknown>>;
  return columns.map((column) => cells[column]);
}

function fromCells(cells: readonly unknown[], columns: readonly string[]): object {
  if (cells.length !== columns.length)
    throw new RangeError(`account state: ${cells.length} cells for ${columns.length} columns`);
  const row: Record<string, unknown> = {};
  for (const [at, column] of columns.entries()) row[column] = cells[at];
  return row;
}

const baseColumns: readonly (keyof CounterBase)[] = ['zoneId', 'ownerId', 'partId', 'totals'];

const common = ['serial', 'zoneId', 'beginMs', 'endMs', 'openedBy', 'closedBy'] as const;
const custom = ['cpuCores', 'cpuSpeed', 'memory'] as const;

/** Columns of a kind beside the common ones. A change here is a new version of the state. */
const ownColumns: { readonly [T in TableName]: readonly (keyof Intervals[T])[] } = {
  vm: ['usageType', 'vmId', 'vmName', 'offeringId', 'templateId', 'hypervisor', ...custom],
  volume: ['volumeId', 'offeringId', 'templateId', 'size', 'vmId'],
  storage: ['storageType', 'entityId', 'sourceId', 'size', 'virtualSize'],
  ip: ['ipId', 'address', 'isSourceNat', 'isSystem', 'isHidden'],
  loadBalancer: ['ruleId'],
  portForwarding: ['ruleId'],
  networkOffering: ['vmId', 'offeringId', 'nicId', 'isDefault'],
  vpnUser: ['userId', 'userName'],
  securityGroup: ['vmId', 'groupId'],
  vmSnapshot: ['vmId', 'volumeId', 'offeringId', 'size', 'vmSnapshotId'],
  snapshotOnPrimary: ['vmId', 'name', 'physicalSize', 'virtualSize', 'vmSnapshotId'],
  backup: ['vmId', 'offeringId', 'size', 'protectedSize'],
  network: ['networkId', 'offeringId', 'state'],
  vpc: ['vpcId'],
};

/** Every interval table of a state, in a fixed order. */
export const tableNames = Object.keys(ownColumns) as TableName[];

const allColumns = new Map<TableName, readonly string[]>(
  tableNames.map((name) => [name, [...common, ...ownColumns[name]]]),
);
const intervalColumns = (name: TableName): readonly string[] => allColumns.get(name) ?? [];
