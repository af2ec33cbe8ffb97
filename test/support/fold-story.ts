import type { Account, Bucket, Counter, Template } from '../../src/contracts/feed-record.ts';
import type { FoldEvent } from '../../src/contracts/fold.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { AccountId, EventId, U64, ZoneId } from '../../src/contracts/ids.ts';
import { emptyState } from '../../src/domain/account-state.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import type { FoldOutput } from '../../src/domain/fold.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import type { Preset, QuirkSet } from '../../src/domain/quirks.ts';

/** Story time: days of 24 hours from the epoch, each a window that is computed 15 minutes later. */
export const hour = 3_600_000;
export const dayMs = 24 * hour;
export const delayMs = 15 * 60_000;
export const account = u64<AccountId>(3);

type Id = number | string | null;

/** Columns of a usage event with plain numbers; what is left out is NULL, zone is 1. */
export interface Columns {
  readonly zone?: Id;
  readonly id?: Id;
  readonly name?: string | null;
  readonly offering?: Id;
  readonly template?: Id;
  readonly size?: Id;
  readonly kind?: string | null;
  readonly virtualSize?: Id;
  readonly vm?: Id;
  readonly details?: readonly (readonly [name: string, value: string])[];
}

/** Type, time in ms, columns. */
export type Line = readonly [type: string, createdMs: number, columns?: Columns];

/** Events in the order of the lines: ids are 1, 2, 3 … */
export function eventsOf(lines: readonly Line[], firstId = 1): FoldEvent[] {
  return lines.map(([type, createdMs, c = {}], at) => ({
    id: u64<EventId>(firstId + at),
    type,
    accountId: account,
    createdMs,
    zoneId: u64<ZoneId>(c.zone ?? 1),
    resourceId: orNull(c.id),
    resourceName: c.name ?? null,
    offeringId: orNull(c.offering),
    templateId: orNull(c.template),
    size: orNull(c.size),
    resourceType: c.kind ?? null,
    virtualSize: orNull(c.virtualSize),
    vmId: orNull(c.vm),
    feedOffset: firstId + at,
    details: (c.details ?? []).map(([name, value]) => ({ name, value })),
  }));
}

const orNull = (id: Id | undefined): U64 | null =>
  id === null || id === undefined ? null : u64(id);

export interface Story {
  readonly lines: readonly Line[];
  readonly preset?: Preset;
  readonly overrides?: Partial<QuirkSet>;
  /** Windows to fold; 1 when left out. */
  readonly days?: number;
  /** null: no account row is known. */
  readonly account?: Account | null;
  /** Counters by day; the last entry goes on. */
  readonly counters?: readonly (readonly Counter[])[];
  readonly templates?: readonly Template[];
  readonly buckets?: readonly Bucket[];
  readonly snapshotVirtualSize?: boolean;
  /** Day on which an event arrives, when it is not the day of its time: by position in lines. */
  readonly arrives?: Readonly<Record<number, number>>;
}

/** Folds the days of a story; one output a day. */
export function play(story: Story): FoldOutput[] {
  const events = eventsOf(story.lines);
  const outputs: FoldOutput[] = [];
  let state: AccountState = emptyState(account);
  for (let day = 0; day < (story.days ?? 1); day++) {
    const output = fold({
      state,
      window: windowOfDay(day),
      events: events.filter(
        (event, at) => (story.arrives?.[at] ?? Math.floor(event.createdMs / dayMs)) === day,
      ),
      facts: {
        account: story.account === undefined ? accountRow() : story.account,
        counters: story.counters?.[day] ?? story.counters?.at(-1) ?? [],
        templates: story.templates ?? [],
        buckets: story.buckets ?? [],
      },
      quirks: quirkSet(story.preset ?? 'java-4.23', story.overrides),
      settings: { snapshotVirtualSize: story.snapshotVirtualSize ?? false },
    });
    state = output.state;
    outputs.push(output);
  }
  return outputs;
}

export const windowOfDay = (day: number) => ({
  startMs: day * dayMs,
  endMs: (day + 1) * dayMs,
  runMs: (day + 1) * dayMs + delayMs,
});

export const accountRow = (columns: Partial<Account> = {}): Account => ({
  id: account,
  name: 'acct',
  uuid: null,
  type: 0,
  roleId: null,
  domainId: u64(2),
  removedMs: null,
  cleanupNeeded: false,
  ...columns,
});

/** Rows as `type:resource ms`, one list a day, for tables of expectations. */
export const billed = (outputs: readonly FoldOutput[]): string[][] =>
  outputs.map(({ rows }) =>
    rows.map((row) => `${row.usageType}:${row.usageId ?? row.vmInstanceId} ${row.quantity}`),
  );

export const anomalies = (outputs: readonly FoldOutput[]): string[] =>
  outputs.flatMap((output) => output.anomalies.map(({ code, eventId }) => `${code} ${eventId}`));

export const refusals = (outputs: readonly FoldOutput[]): string[] =>
  outputs.flatMap(({ refused }) => refused.map(({ event, reason }) => `${reason} ${event.id}`));
