import type { Account, Counter, Template } from '../contracts/feed-record.ts';
import type { BillingSettings, FoldEvent } from '../contracts/fold.ts';
import type { AccountId, EventId, U64, ZoneId } from '../contracts/ids.ts';
import { u64 } from '../contracts/ids.ts';
import type { Window } from '../contracts/time.ts';
import { emptyState, tableNames } from './account-state.ts';
import type { AccountState } from './account-state.ts';
import { resourceKey } from './audit-resource.ts';
import type { WantedRow } from './audit-row.ts';
import { wantedRow } from './audit-row.ts';
import { fold } from './fold.ts';
import { helperChanges } from './helper-row.ts';
import type { HelperChange } from './helper-row.ts';
import type { Interval } from './intervals.ts';
import type { QuirkSet } from './quirks.ts';

/** What a counter has grown by, as usage_network and usage_vm_disk keep it. */
export interface StoredGrowth {
  readonly kind: 'network' | 'disk';
  readonly zoneId: ZoneId;
  readonly ownerId: U64;
  readonly partId: U64;
  readonly label: string;
  /** Sent, received; or requests read, written, bytes read, written. */
  readonly deltas: readonly U64[];
}

/** What of an account was seen to end last. */
export interface Known {
  readonly openCount: number;
  readonly closedBy: EventId | null;
}

export interface AuditRules {
  readonly quirks: QuirkSet;
  readonly settings: BillingSettings;
  /** From the end of a window to its run, ms. */
  readonly runDelayMs: number;
}

/**
 * Makes an account's rows and helper rows again from its events, window after window, as a server without
 * a fault would have. Amounts of counters are taken from the helper tables: their totals are not kept.
 */
export class AccountReplay {
  readonly #account: Account;
  readonly #templates: readonly Template[];
  readonly #rules: AuditRules;
  readonly #helpers = new Map<string, HelperChange>();
  readonly #known = new Map<string, Known>();
  readonly #isOpen = new Map<string, string>();
  #state: AccountState;

  constructor(account: Account, templates: readonly Template[], rules: AuditRules) {
    this.#account = account;
    this.#templates = templates;
    this.#rules = rules;
    this.#state = emptyState(account.id);
  }

  /** Folds the next window. @param events Created before its end, and not yet folded. */
  fold(window: Window, events: readonly FoldEvent[], growth: readonly StoredGrowth[]): WantedRow[] {
    if (events.length === 0 && growth.length === 0 && isEmpty(this.#state)) return [];
    const { quirks, settings, runDelayMs } = this.#rules;
    const runMs = window.endMs + runDelayMs;
    const output = fold({
      state: this.#state,
      window: { ...window, runMs },
      events,
      facts: {
        account: asOf(this.#account, runMs),
        counters: growth.map((one, at) => asCounter(this.#account.id, one, at)),
        templates: this.#templates,
        buckets: [],
      },
      quirks,
      settings,
    });
    // The counters that were given start from nothing in each window.
    this.#state = { ...output.state, networkBases: [], diskBases: [] };
    const { changed } = output;
    const none = { network: [], disk: [] };
    for (const change of helperChanges({ changed, growth: none }, this.#account.domainId, window))
      this.#helpers.set(`${change.table} ${change.serial}`, change);
    for (const name of tableNames)
      for (const row of changed[name] ?? [])
        this.#note(`${name} ${row.serial}`, resourceKey(name, row), row);
    return output.rows.map(wantedRow);
  }

  /** All rows that the helper tables should hold of the account, in the order of their making. */
  helperRows(table: string): HelperChange[] {
    return [...this.#helpers.values()]
      .filter((change) => change.table === table)
      .toSorted((a, b) => Number(a.serial) - Number(b.serial));
  }

  /** What the events say of a resource so far; null: they never name it. */
  known(resource: string): Known | null {
    return this.#known.get(resource) ?? null;
  }

  #note(serial: string, resource: string, row: Interval): void {
    const before = this.#known.get(resource) ?? { openCount: 0, closedBy: null };
    const wasOpen = this.#isOpen.has(serial);
    const isOpen = row.endMs === null;
    if (isOpen) this.#isOpen.set(serial, resource);
    else this.#isOpen.delete(serial);
    this.#known.set(resource, {
      openCount: before.openCount + Number(isOpen) - Number(wasOpen),
      closedBy: row.closedBy ?? before.closedBy,
    });
  }
}

/** The account as it was at a run: its removal was not yet known before it happened. */
const asOf = (account: Account, runMs: number): Account =>
  account.removedMs !== null && account.removedMs > runMs
    ? { ...account, removedMs: null }
    : account;

const isEmpty = ({ intervals }: AccountState): boolean =>
  tableNames.every((name) => intervals[name].length === 0);

/** A statistics row that has grown by the deltas since nothing. */
function asCounter(accountId: AccountId, growth: StoredGrowth, at: number): Counter {
  const zero = u64('0');
  const { zoneId, ownerId, partId, label } = growth;
  const [first = zero, second = zero, third = zero, fourth = zero] = growth.deltas;
  const common = { id: u64(at + 1), accountId, zoneId };
  if (growth.kind === 'network')
    return {
      ...common,
      ...{ table: 'user_statistics', publicIpAddress: null, deviceId: ownerId, deviceType: label },
      ...{ networkId: partId, netBytesReceived: zero, netBytesSent: zero },
      ...{ currentBytesReceived: zero, currentBytesSent: zero },
      ...{ aggBytesSent: first, aggBytesReceived: second },
    };
  return {
    ...common,
    ...{ table: 'vm_disk_statistics', vmId: ownerId, volumeId: partId },
    ...{ netIoRead: zero, netIoWrite: zero, currentIoRead: zero, currentIoWrite: zero },
    ...{ netBytesRead: zero, netBytesWrite: zero, currentBytesRead: zero },
    ...{ currentBytesWrite: zero, aggIoRead: first, aggIoWrite: second },
    ...{ aggBytesRead: third, aggBytesWrite: fourth },
  };
}
