import type { AccountId, EventId } from '../../../src/contracts/ids.ts';
import type { EpochMs } from '../../../src/contracts/time.ts';

/** A row of a helper table. Columns that a table does not have are null. */
export interface HelperRow {
  /** Order of insertion over all tables. */
  readonly id: number;
  readonly table: HelperTable;
  readonly accountId: AccountId;
  /** What lookups find it by: VM, volume, entity, address, rule, user, network or VPC. */
  readonly resource: string;
  readonly zoneId: string;
  readonly beginMs: EpochMs;
  /** null while open. */
  readonly endMs: EpochMs | null;
  readonly openedBy: EventId;
  /** usage_type of a VM row, storage_type of a storage row; else 0. */
  readonly kind: number;
  readonly name: string | null;
  readonly offering: string | null;
  readonly template: string | null;
  readonly hypervisor: string | null;
  readonly vm: string | null;
  /** NIC, address, VM snapshot, security group: the second id that a row has. */
  readonly second: string | null;
  readonly size: string | null;
  readonly virtualSize: string | null;
  readonly cores: string | null;
  readonly speed: string | null;
  readonly memory: string | null;
  readonly state: string | null;
  readonly isDefault: boolean;
  readonly isSystem: boolean;
  readonly isHidden: boolean;
}

export type HelperTable =
  | 'vm'
  | 'volume'
  | 'storage'
  | 'ip'
  | 'lb'
  | 'pf'
  | 'nic'
  | 'vpn'
  | 'sg'
  | 'vmSnapshot'
  | 'onPrimary'
  | 'backup'
  | 'network'
  | 'vpc';

/** Where a row stands: its place stays when it is changed. */
interface Slot {
  row: HelperRow;
}

/** A statement fails at a unique key, or at a column that cannot hold its value. */
export class SqlFault extends Error {}

/** A value that the code needs is not there: an exception that no statement made. */
export class NullFault extends Error {}

/** The helper tables of a usage server, with transactions that can be rolled back. */
export class JavaTables {
  readonly #byResource = new Map<string, Slot[]>();
  readonly #byAccount = new Map<string, Slot[]>();
  readonly #taken = new Set<string>();
  #undo: (() => void)[] = [];
  #lastId = 0;

  /** What was done up to here stays. */
  commit(): void {
    this.#undo = [];
  }

  /** A point that {@link rollback} can go back to. */
  mark(): number {
    return this.#undo.length;
  }

  rollback(to = 0): void {
    for (const step of this.#undo.splice(to).toReversed()) step();
  }

  /** @throws SqlFault when a row has one of these unique keys already. */
  insert(row: Omit<HelperRow, 'id'>, uniqueKeys: readonly string[] = []): void {
    const keys = uniqueKeys.map((key) => `${row.table} ${key}`);
    if (keys.some((key) => this.#taken.has(key))) throw new SqlFault('duplicate key');
    const slot = { row: { ...row, id: ++this.#lastId } };
    const lists = [
      listOf(this.#byResource, `${row.table} ${row.resource}`),
      listOf(this.#byAccount, `${row.table} ${row.accountId}`),
    ];
    for (const key of keys) this.#taken.add(key);
    for (const list of lists) list.push(slot);
    this.#undo.push(() => {
      for (const key of keys) this.#taken.delete(key);
      for (const list of lists) list.splice(list.lastIndexOf(slot), 1);
    });
  }

  /** Changes columns of those rows of a resource; lookups are by columns that never change. */
  update(
    table: HelperTable,
    resource: string,
    which: (row: HelperRow) => boolean,
    change: Partial<HelperRow>,
  ): void {
    for (const slot of this.#byResource.get(`${table} ${resource}`) ?? []) {
      if (!which(slot.row)) continue;
      const before = slot.row;
      slot.row = { ...before, ...change };
      this.#undo.push(() => (slot.row = before));
    }
  }

  /** Open rows of a resource in the order of their ids, whatever the account. */
  openOf(table: HelperTable, resource: string): HelperRow[] {
    const slots = this.#byResource.get(`${table} ${resource}`) ?? [];
    return slots.flatMap(({ row }) => (row.endMs === null ? [row] : []));
  }

  /** All rows of an account in the order of their ids. */
  ofAccount(table: HelperTable, accountId: AccountId): HelperRow[] {
    return (this.#byAccount.get(`${table} ${accountId}`) ?? []).map(({ row }) => row);
  }
}

function listOf(map: Map<string, Slot[]>, key: string): Slot[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
