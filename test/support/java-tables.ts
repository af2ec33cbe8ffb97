import type { AccountId, U64 } from '../../src/contracts/ids.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { Window } from '../../src/contracts/time.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { tableNames } from '../../src/domain/account-state.ts';
import type { FoldOutput } from '../../src/domain/fold.ts';
import { helperChanges } from '../../src/domain/helper-row.ts';
import type { Cell } from '../../src/domain/helper-row.ts';
import { growthTables, intervalTables } from '../../src/domain/helper-tables.ts';
import { counterBases, javaState } from '../../src/domain/java-state.ts';
import type { JavaRow, TotalsRow } from '../../src/domain/java-state.ts';
import type { QuirkSet } from '../../src/domain/quirks.ts';

type Cells = Readonly<Record<string, Cell>>;

/** The tables that a usage server keeps beside its rows, in memory: all rows since the beginning, by account. */
export class JavaTables {
  readonly #rows = new Map<AccountId, Map<string, JavaRow>>();
  readonly #totals = new Map<string, TotalsRow[]>();
  readonly #knowsEvents: boolean;

  /** @param knowsEvents Whether the events that opened rows can be told. */
  constructor(knowsEvents = true) {
    this.#knowsEvents = knowsEvents;
  }

  /** Writes what the fold of a window changed. */
  take(accountId: AccountId, folded: FoldOutput, window: Window): void {
    const rows = this.#rows.get(accountId) ?? new Map<string, JavaRow>();
    this.#rows.set(accountId, rows);
    for (const change of helperChanges(folded, folded.state.domainId, window)) {
      const name = tableNames.find((one) => intervalTables[one].name === change.table);
      if (name === undefined) this.#takeTotals(accountId, change.table, change.cells);
      else
        rows.set(`${name} ${change.serial}`, {
          table: name,
          id: u64(change.serial),
          cells: named(intervalTables[name].columns, change.cells),
          openedBy: this.#knowsEvents ? change.eventId : null,
        });
    }
  }

  /** Where a fold goes on from these tables alone. */
  state(
    accountId: AccountId,
    domainId: U64 | null,
    startMs: number,
    quirks: QuirkSet,
  ): AccountState {
    const bases = (table: string) =>
      counterBases(this.#totals.get(`${table} ${accountId}`) ?? [], quirks);
    const { network, disk } = growthTables;
    return javaState(
      {
        accountId,
        domainId,
        rows: [...(this.#rows.get(accountId)?.values() ?? [])],
        networkBases: bases(network.name),
        diskBases: bases(disk.name),
      },
      startMs,
      quirks,
    ).state;
  }

  #takeTotals(accountId: AccountId, table: string, list: readonly Cell[]): void {
    const isNetwork = table === growthTables.network.name;
    const cells = named(growthTables[isNetwork ? 'network' : 'disk'].columns, list);
    const id = (column: string) => u64(String(cells[column]));
    const totals = Object.keys(cells)
      .filter((column) => column.startsWith('agg_'))
      .map((column) => String(cells[column]));
    const key = `${table} ${accountId}`;
    this.#totals.set(key, [
      ...(this.#totals.get(key) ?? []),
      {
        zoneId: id('zone_id') as TotalsRow['zoneId'],
        ownerId: id(isNetwork ? 'host_id' : 'vm_id'),
        partId:
          cells[isNetwork ? 'network_id' : 'volume_id'] === null
            ? null
            : id(isNetwork ? 'network_id' : 'volume_id'),
        totals,
        eventMs: Number(cells['event_time_millis']),
      },
    ]);
  }
}

const named = (columns: readonly { readonly name: string }[], cells: readonly Cell[]): Cells =>
  Object.fromEntries(columns.map(({ name }, at) => [name, cells[at] ?? null]));
