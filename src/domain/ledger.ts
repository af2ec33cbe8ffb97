import type { AccountFacts, BillingSettings, FoldEvent, FoldWindow } from '../contracts/fold.ts';
import type { EventId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { AccountState } from './account-state.ts';
import { Findings } from './findings.ts';
import { IntervalTable } from './interval-table.ts';
import type { Interval, Intervals, TableName } from './intervals.ts';
import type { QuirkSet } from './quirks.ts';

type Tables = { readonly [T in TableName]: IntervalTable<Intervals[T]> };
/** The columns of a kind that its event gives; the common ones are filled in by the ledger. */
export type OwnColumns<T extends TableName> = Omit<Intervals[T], keyof Interval>;

/** What a window of an account is folded from, beside its events. */
export interface LedgerInput {
  readonly state: AccountState;
  readonly window: FoldWindow;
  readonly facts: AccountFacts;
  readonly quirks: QuirkSet;
  readonly settings: BillingSettings;
}

/** An account's intervals while a window is folded: the operations that events are made of. */
export class Ledger {
  readonly tables: Tables;
  readonly findings: Findings;
  readonly quirks: QuirkSet;
  readonly settings: BillingSettings;
  readonly window: FoldWindow;
  /** False while no account row was ever seen. */
  readonly isAccountKnown: boolean;
  #nextSerial: number;

  constructor(input: LedgerInput) {
    const { state, quirks } = input;
    this.tables = openTables(state, quirks);
    this.findings = new Findings(state.accountId);
    this.quirks = quirks;
    this.settings = input.settings;
    this.window = input.window;
    this.isAccountKnown = input.facts.account !== null || state.domainId !== null;
    this.#nextSerial = state.nextSerial;
  }

  get nextSerial(): number {
    return this.#nextSerial;
  }

  /** Opens an interval at the event's time, in the event's zone. */
  insert<T extends TableName>(name: T, event: FoldEvent, columns: OwnColumns<T>, end?: End): void {
    const row = {
      serial: this.#nextSerial++,
      zoneId: event.zoneId,
      beginMs: event.createdMs,
      endMs: end?.endMs ?? null,
      openedBy: event.id,
      closedBy: end?.closedBy ?? null,
      ...columns,
    };
    this.tables[name].insert(row as unknown as Intervals[T]);
  }

  /**
   * Closes open rows at the event's time. One that began later is left open: the event is late and
   * speaks of an interval that is over already.
   */
  close<T extends TableName>(
    name: T,
    open: readonly Intervals[T][],
    event: FoldEvent,
    atMs: EpochMs = event.createdMs,
  ): void {
    for (const row of open) {
      if (row.beginMs > atMs) {
        this.note('END_BEFORE_START', event, { openedBy: row.openedBy });
        continue;
      }
      this.tables[name].replace(row, { ...row, endMs: atMs, closedBy: event.id });
    }
  }

  /** {@link close}, for closing events that always have something to close unless one was lost. */
  closeExpected<T extends TableName>(
    name: T,
    open: readonly Intervals[T][],
    event: FoldEvent,
    atMs: EpochMs = event.createdMs,
  ): void {
    if (open.length === 0) this.note('CLOSE_WITHOUT_OPEN', event, {});
    this.close(name, open, event, atMs);
  }

  /**
   * Closes the open rows of a resource and opens the next interval. When the event is late and one
   * of them began after it, the new interval ends where that one begins.
   */
  succeed<T extends TableName>(
    name: T,
    open: readonly Intervals[T][],
    event: FoldEvent,
    columns: OwnColumns<T>,
  ): void {
    const at = event.createdMs;
    this.close(
      name,
      open.filter((row) => row.beginMs <= at),
      event,
    );
    this.insert(name, event, columns, firstBegin(open.filter((row) => row.beginMs > at)));
  }

  /** Opens an interval of a resource that should not be open yet: a double start, if it is. */
  open<T extends TableName>(
    name: T,
    open: readonly Intervals[T][],
    event: FoldEvent,
    columns: OwnColumns<T>,
  ): void {
    if (open.length > 0) this.note('DOUBLE_OPEN', event, { openedBy: open[0]?.openedBy ?? null });
    if (this.quirks.duplicateOpens) this.insert(name, event, columns);
    else this.succeed(name, open, event, columns);
  }

  note(
    code: Parameters<Findings['note']>[0],
    event: FoldEvent,
    facts: Parameters<Findings['note']>[2],
  ): void {
    this.findings.note(code, event.id, {
      type: event.type,
      resourceId: event.resourceId,
      ...facts,
    });
  }
}

interface End {
  readonly endMs: EpochMs;
  readonly closedBy: EventId;
}

function firstBegin(rows: readonly Interval[]): End | undefined {
  let first: Interval | undefined;
  for (const row of rows) if (first === undefined || row.beginMs < first.beginMs) first = row;
  return first === undefined ? undefined : { endMs: first.beginMs, closedBy: first.openedBy };
}

/** Tables of a state, each with the resource by which its events find open rows. */
function openTables({ intervals: rows }: AccountState, quirks: QuirkSet): Tables {
  return {
    vm: new IntervalTable(rows.vm, (r) => `${r.usageType}:${r.vmId}`),
    volume: new IntervalTable(rows.volume, (r) => r.volumeId),
    storage: new IntervalTable(rows.storage, (r) => `${r.storageType}:${r.entityId}`),
    ip: new IntervalTable(rows.ip, (r) => (quirks.ipReleasedByAddress ? r.address : r.ipId)),
    loadBalancer: new IntervalTable(rows.loadBalancer, (r) => r.ruleId),
    portForwarding: new IntervalTable(rows.portForwarding, (r) => r.ruleId),
    networkOffering: new IntervalTable(rows.networkOffering, (r) => r.vmId),
    vpnUser: new IntervalTable(rows.vpnUser, (r) => r.userId),
    securityGroup: new IntervalTable(rows.securityGroup, (r) => r.vmId),
    vmSnapshot: new IntervalTable(rows.vmSnapshot, (r) => r.vmId),
    snapshotOnPrimary: new IntervalTable(rows.snapshotOnPrimary, (r) => r.vmId),
    backup: new IntervalTable(rows.backup, (r) => r.vmId),
    network: new IntervalTable(rows.network, (r) => r.networkId),
    vpc: new IntervalTable(rows.vpc, (r) => r.vpcId),
  };
}
