import type { Account, Bucket, Counter, Template } from '../../src/contracts/feed-record.ts';
import type { FoldEvent } from '../../src/contracts/fold.ts';
import type { AccountId, U64 } from '../../src/contracts/ids.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { plan } from '../../src/simulate/plan.ts';
import type { PlanOptions } from '../../src/simulate/plan.ts';
import { seededRandom } from '../../src/simulate/random.ts';
import type { Random } from '../../src/simulate/random.ts';
import { oddEvents } from './odd-events.ts';
import { oddFacts } from './odd-facts.ts';

/** What an account's rows need beside events, from a commit on; null: the row is gone. */
export type Fact = { readonly atMs: EpochMs; readonly accountId: AccountId; readonly id: U64 } & (
  | { readonly kind: 'account'; readonly value: Account }
  | { readonly kind: 'template'; readonly value: Template }
  | { readonly kind: 'bucket'; readonly value: Bucket }
  | { readonly kind: Counter['table']; readonly value: Counter | null }
);

/** A short life of a small cloud, with more oddities than a month of a large one. */
export interface History {
  readonly seed: number;
  readonly accounts: readonly AccountId[];
  readonly windows: readonly HistoryWindow[];
  readonly events: readonly FoldEvent[];
  /** Ascending by commit. */
  readonly facts: readonly Fact[];
}

export interface HistoryWindow {
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
  /** Where a usage server cuts a day of 25 hours in two. */
  readonly cutMs: EpochMs | null;
  readonly runMs: EpochMs;
}

/** How long after a window's end its rows are computed. */
const delayMs = 15 * 60_000;
/** Histories follow one another in the same tables: each has its own ids. */
export const idsPerHistory = 10_000_000;

const hour = 3_600_000;
const day = 24 * hour;
const firstDay = Date.parse('2026-06-01T00:00:00Z');

/**
 * The history of a seed.
 * @param at   Its place among those of one database.
 * @param size `small`: one account with a machine or two, and few windows.
 */
export function makeHistory(seed: number, at: number, size: 'full' | 'small' = 'full'): History {
  const random = seededRandom(seed);
  const idBase = at * idsPerHistory;
  const isSmall = size === 'small';
  const days = random.pick(isSmall ? [1, 2, 6] : [1, 2, 2, 2, 6]);
  const ranges = isSmall ? [day, day / 2] : [day, day, day / 2, day / 4, day / 24];
  const rangeMs = days === 6 ? day : random.pick(ranges);
  const options: PlanOptions = {
    seed,
    startMs: firstDay,
    days,
    zones: 2,
    accounts: isSmall ? 1 : random.whole(1, 3),
    vms: isSmall ? random.whole(1, 2) : random.whole(2, 5),
    everything: true,
    idBase,
  };
  const { events, facts, endings } = planned(options, random);
  const alive = events.filter((e) => e.createdMs < (endings.get(e.accountId) ?? Infinity));
  const odd = oddEvents(alive, idBase, random);
  return {
    seed,
    accounts: [...new Set(facts.map(({ accountId }) => accountId))],
    windows: windowsOf(options.startMs, rangeMs, Math.ceil((days * day) / rangeMs), random),
    events: odd.filter((e) => e.createdMs < (endings.get(e.accountId) ?? Infinity)),
    facts: facts.toSorted((a, b) => a.atMs - b.atMs),
  };
}

/** One day of two histories out of three has 25 hours. */
function windowsOf(startMs: EpochMs, rangeMs: number, count: number, random: Random) {
  const longDay = rangeMs === day && random.chance(0.67) ? random.whole(0, count - 1) : -1;
  const windows: HistoryWindow[] = [];
  for (let nth = 0, from = startMs; nth < count; nth += 1) {
    const endMs = from + rangeMs + (nth === longDay ? hour : 0);
    const cutMs = nth === longDay ? from + hour : null;
    windows.push({ startMs: from, endMs, cutMs, runMs: endMs + delayMs });
    from = endMs;
  }
  return windows;
}

function planned(options: PlanOptions, random: Random) {
  const events: FoldEvent[] = [];
  const facts: Fact[] = [];
  const accounts: { value: Account; atMs: EpochMs }[] = [];
  for (const statement of plan(options)) {
    if (statement.kind === 'event') {
      const { event, details } = statement;
      events.push({ ...event, details, feedOffset: events.length });
    } else if (statement.kind === 'counter') {
      const value = statement.counter;
      const { id, accountId } = value;
      facts.push({ atMs: statement.commitMs, accountId, id, kind: value.table, value });
    } else if (statement.kind === 'account') {
      const { id, name, uuid, domainId } = statement.account;
      const rest = { type: 0, roleId: u64(4), removedMs: null, cleanupNeeded: false };
      const value = { id: id as AccountId, name, uuid, domainId, ...rest };
      accounts.push({ value, atMs: statement.commitMs });
    }
  }
  const endings = new Map<AccountId, EpochMs>();
  const untilMs = options.startMs + options.days * day;
  for (const account of accounts) {
    const own = events.filter(({ accountId }) => accountId === account.value.id);
    const odd = oddFacts({ ...account, untilMs, events: own, idBase: options.idBase ?? 0 }, random);
    facts.push(...odd.facts);
    if (odd.removedMs !== null) endings.set(account.value.id, odd.removedMs);
  }
  return { events, facts, endings };
}
