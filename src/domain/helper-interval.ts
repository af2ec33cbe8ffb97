import { u64 } from '../contracts/ids.ts';
import type { EventId, U64, ZoneId } from '../contracts/ids.ts';
import { parseSqlDateTime } from '../contracts/time.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { Cell } from './helper-row.ts';
import type { Interval, Intervals, TableName } from './intervals.ts';

/** A row of an interval table of CloudStack's usage schema by column name; dates as `YYYY-MM-DD hh:mm:ss` GMT. */
export type HelperCells = Readonly<Record<string, Cell>>;

/** What the row itself does not say. */
export type Origins = Pick<Interval, 'serial' | 'openedBy' | 'closedBy'>;

/**
 * Stands for the event that opened a row of which no event is known: no id that CloudStack gives out is that high.
 * @param helperId Of the row in its table.
 */
export const unknownEvent = (helperId: string): EventId =>
  u64<EventId>((1n << 63n) + BigInt(helperId));

/** Whether an id is one of {@link unknownEvent}. */
export const isUnknownEvent = (id: EventId): boolean => BigInt(id) >= 1n << 63n;

/**
 * The interval that a row of a helper table is: the reverse of helperChanges in helper-row.ts.
 *
 * @throws RangeError when a column that the interval cannot do without is missing, or is not of its form.
 */
export const intervalOf = <T extends TableName>(
  name: T,
  cells: HelperCells,
  origins: Origins,
): Intervals[T] => {
  const [begin, end] = spans[name] ?? createdDeleted;
  const row = new Row(name, cells);
  const common: Interval = {
    ...origins,
    zoneId: row.id('zone_id') as ZoneId,
    beginMs: row.time(begin),
    endMs: row.timeOrNull(end),
  };
  return { ...common, ...own[name](row) } as unknown as Intervals[T];
};

const createdDeleted = ['created', 'deleted'] as const;
const createdRemoved = ['created', 'removed'] as const;

/** Begin and end columns of the tables that do not call them created and deleted. */
const spans: Partial<Record<TableName, readonly [string, string]>> = {
  vm: ['start_date', 'end_date'],
  ip: ['assigned', 'released'],
  vmSnapshot: ['created', 'processed'],
  backup: createdRemoved,
  network: createdRemoved,
  vpc: createdRemoved,
};

/** Names of the columns that say when a row of a table begins and ends. */
export const spanColumns = (name: TableName): readonly [string, string] =>
  spans[name] ?? createdDeleted;

class Row {
  readonly #table: string;
  readonly #cells: HelperCells;

  constructor(table: string, cells: HelperCells) {
    this.#table = table;
    this.#cells = cells;
  }

  textOrNull(column: string): string | null {
    const cell = this.#cells[column];
    return cell === null || cell === undefined ? null : String(cell);
  }

  text(column: string): string {
    return this.textOrNull(column) ?? this.#missing(column);
  }

  id(column: string): U64 {
    return u64(this.text(column));
  }

  idOrNull(column: string): U64 | null {
    const text = this.textOrNull(column);
    return text === null ? null : u64(text);
  }

  /** NULL, which a column of CloudStack allows and a size cannot be, is 0. */
  size(column: string): U64 {
    return this.idOrNull(column) ?? u64('0');
  }

  isSet(column: string): boolean {
    return this.text(column) !== '0';
  }

  timeOrNull(column: string): EpochMs | null {
    const text = this.textOrNull(column);
    if (text === null) return null;
    return parseSqlDateTime(text) ?? this.#missing(column);
  }

  time(column: string): EpochMs {
    return this.timeOrNull(column) ?? this.#missing(column);
  }

  oneOf<N extends number>(column: string, ...allowed: readonly N[]): N {
    const number = Number(this.text(column));
    return allowed.find((one) => one === number) ?? this.#missing(column);
  }

  #missing(column: string): never {
    throw new RangeError(`${this.#table}.${column}: ${this.textOrNull(column) ?? 'NULL'}`);
  }
}

type Own<T extends TableName> = Omit<Intervals[T], keyof Interval>;

const own: { readonly [T in TableName]: (row: Row) => Own<T> } = {
  vm: (r) => ({
    usageType: r.oneOf('usage_type', 1, 2),
    vmId: r.id('vm_instance_id'),
    vmName: r.text('vm_name'),
    offeringId: r.id('service_offering_id'),
    templateId: r.id('template_id'),
    hypervisor: r.textOrNull('hypervisor_type'),
    cpuSpeed: r.idOrNull('cpu_speed'),
    cpuCores: r.idOrNull('cpu_cores'),
    memory: r.idOrNull('memory'),
  }),
  volume: (r) => ({
    volumeId: r.id('volume_id'),
    offeringId: r.idOrNull('disk_offering_id'),
    templateId: r.idOrNull('template_id'),
    size: r.size('size'),
    vmId: r.idOrNull('vm_id'),
  }),
  storage: (r) => ({
    storageType: r.oneOf('storage_type', 1, 2, 3, 4),
    entityId: r.id('entity_id'),
    sourceId: r.idOrNull('source_id'),
    size: r.size('size'),
    virtualSize: r.idOrNull('virtual_size'),
  }),
  ip: (r) => ({
    ipId: r.id('ip_id'),
    address: r.text('public_ip_address'),
    isSourceNat: r.isSet('is_source_nat'),
    isSystem: r.isSet('is_system'),
    isHidden: r.isSet('is_hidden'),
  }),
  loadBalancer: (r) => ({ ruleId: r.id('lb_id') }),
  portForwarding: (r) => ({ ruleId: r.id('pf_id') }),
  networkOffering: (r) => ({
    vmId: r.id('vm_instance_id'),
    offeringId: r.id('network_offering_id'),
    nicId: r.id('nic_id'),
    isDefault: r.isSet('is_default'),
  }),
  vpnUser: (r) => ({ userId: r.id('user_id'), userName: r.textOrNull('user_name') }),
  securityGroup: (r) => ({ vmId: r.id('vm_instance_id'), groupId: r.id('security_group_id') }),
  vmSnapshot: (r) => ({
    vmId: r.id('vm_id'),
    volumeId: r.id('volume_id'),
    offeringId: r.idOrNull('disk_offering_id'),
    size: r.size('size'),
    vmSnapshotId: r.idOrNull('vm_snapshot_id'),
  }),
  // CloudStack keeps the VM in the volume's column as well.
  snapshotOnPrimary: (r) => ({
    vmId: r.id('vm_id'),
    name: r.textOrNull('name'),
    physicalSize: r.size('physicalsize'),
    virtualSize: r.size('virtualsize'),
    vmSnapshotId: r.idOrNull('vm_snapshot_id'),
  }),
  backup: (r) => ({
    vmId: r.id('vm_id'),
    offeringId: r.id('backup_offering_id'),
    size: r.size('size'),
    protectedSize: r.size('protected_size'),
  }),
  network: (r) => ({
    networkId: r.id('network_id'),
    offeringId: r.id('network_offering_id'),
    state: r.textOrNull('state'),
  }),
  vpc: (r) => ({ vpcId: r.id('vpc_id') }),
};
