import { Account, Bucket, Counter, Template, UsageEvent } from '../../src/contracts/feed-record.ts';
import type { AccountFacts, FoldEvent } from '../../src/contracts/fold.ts';
import type { AccountId } from '../../src/contracts/ids.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { sqlMs } from './sql-script.ts';
import type { SqlChange, SqlRow } from './sql-script.ts';

/** What `cloud` holds at an instant that only moves forward, as a fold takes it. */
export class CloudContent {
  readonly #changes: readonly SqlChange[];
  readonly #arrivals: FoldEvent[] = [];
  readonly #details = new Map<string, { name: string; value: string }[]>();
  readonly #accounts = new Map<string, Account>();
  readonly #counters = new Map<string, Counter>();
  readonly #templates = new Map<string, Template>();
  readonly #buckets = new Map<string, Bucket>();
  #next = 0;

  constructor(changes: readonly SqlChange[]) {
    this.#changes = changes.toSorted((a, b) => a.atMs - b.atMs);
  }

  /** Takes in what is committed before `ms`. */
  advance(ms: EpochMs): void {
    for (; this.#next < this.#changes.length; this.#next++) {
      const change = this.#changes[this.#next];
      if (change === undefined || change.atMs >= ms) return;
      this.#apply(change);
    }
  }

  /** Events that are there since the last call, in the order of their commits, without details. */
  arrivals(): FoldEvent[] {
    return this.#arrivals.splice(0);
  }

  /** The event with the details that are there now. */
  withDetails(event: FoldEvent): FoldEvent {
    return { ...event, details: this.#details.get(event.id)?.slice() ?? [] };
  }

  facts(): Map<AccountId, AccountFacts> {
    const counters = Map.groupBy(this.#counters.values(), (row) => row.accountId);
    const templates = Map.groupBy(this.#templates.values(), (row) => row.accountId);
    const buckets = Map.groupBy(this.#buckets.values(), (row) => row.accountId);
    const facts = new Map<AccountId, AccountFacts>();
    for (const account of this.#accounts.values())
      facts.set(account.id, {
        account,
        counters: counters.get(account.id) ?? [],
        templates: templates.get(account.id) ?? [],
        buckets: buckets.get(account.id) ?? [],
      });
    return facts;
  }

  #apply({ table, row }: SqlChange): void {
    const id = row['id'] ?? '';
    switch (table) {
      case 'usage_event':
        this.#arrivals.push(once(row, toEvent));
        return;
      case 'usage_event_details': {
        const eventId = row['usage_event_id'] ?? '';
        const detail = { name: row['name'] ?? '', value: row['value'] ?? '' };
        const before = this.#details.get(eventId);
        if (before === undefined) this.#details.set(eventId, [detail]);
        else before.push(detail);
        return;
      }
      case 'account':
        this.#accounts.set(id, once(row, toAccount));
        return;
      case 'user_statistics':
      case 'vm_disk_statistics':
      case 'bucket_statistics':
        this.#counters.set(
          `${table} ${id}`,
          once(row, (cells) => toCounter(table, cells)),
        );
        return;
      case 'vm_template':
        this.#templates.set(
          id,
          Template.parse({ ...ownedBy(row), isPublic: row['public'] === '1' }),
        );
        return;
      case 'bucket':
        this.#buckets.set(id, Bucket.parse(ownedBy(row)));
        return;
      default: // not billed
    }
  }
}

/** Rows that were parsed before: one input is played many times. */
const parsed = new WeakMap<SqlRow, unknown>();

function once<T extends object>(row: SqlRow, parse: (row: SqlRow) => T): T {
  const known = parsed.get(row) as T | undefined;
  if (known !== undefined) return known;
  const made = parse(row);
  parsed.set(row, made);
  return made;
}

const ownedBy = (row: SqlRow) => ({
  id: row['id'],
  accountId: row['account_id'],
  removedMs: sqlMs(row['removed']),
});

const toEvent = (row: SqlRow): FoldEvent => ({
  ...UsageEvent.parse({
    id: row['id'],
    type: row['type'],
    accountId: row['account_id'],
    createdMs: sqlMs(row['created']),
    zoneId: row['zone_id'],
    resourceId: row['resource_id'],
    resourceName: row['resource_name'],
    offeringId: row['offering_id'],
    templateId: row['template_id'],
    size: row['size'],
    resourceType: row['resource_type'],
    virtualSize: row['virtual_size'] ?? null,
    vmId: row['vm_id'] ?? null,
  }),
  feedOffset: Number(row['id']),
  details: [],
});

const toAccount = (row: SqlRow): Account =>
  Account.parse({
    id: row['id'],
    name: row['account_name'],
    uuid: row['uuid'],
    type: Number(row['type']),
    roleId: row['role_id'] ?? null,
    domainId: row['domain_id'],
    removedMs: sqlMs(row['removed']),
    cleanupNeeded: row['cleanup_needed'] === '1',
  });

function toCounter(table: string, row: SqlRow): Counter {
  const camel = Object.entries(row).map(([column, value]) => [
    column === 'data_center_id'
      ? 'zoneId'
      : column.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Counter.parse({ ...Object.fromEntries(camel), table });
}
