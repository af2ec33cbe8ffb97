import { fc } from '../support/fast-check.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Counter } from '../../src/contracts/feed-record.ts';
import type { FoldEvent } from '../../src/contracts/fold.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { AccountId, EventId } from '../../src/contracts/ids.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { emptyState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import { naturalKey } from '../../src/domain/natural-key.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import {
  detail,
  event,
  factDraft,
  hour,
  minute,
  placed,
  start,
} from '../support/aggregate-feed.ts';
import { watermark } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { AppError } from '../../src/platform/errors.ts';
import type { BatchControl, LogRecord } from '../../src/platform/log/log.ts';
import { factsAt } from '../recount/fold-history.ts';
import type { Fact } from '../recount/history.ts';
import { anyEvents } from '../support/arbitrary-events.ts';
import { anyFactList } from '../support/arbitrary-facts.ts';
import { testSeed } from '../support/seeded.ts';
import { AggregateStore, batchOf, rules } from './aggregate-fixture.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** Hours in which something happens, and those that are closed. */
const [busyHours, closedHours] = [6, 8];
const accounts = 1000;
const { seed, random } = testSeed();
const anyStory = fc.record({
  events: anyEvents(busyHours * hour),
  facts: anyFactList(busyHours * hour),
});
const stories = fc.sample(anyStory, { numRuns: accounts, seed }).map(({ events, facts }, at) => ({
  events: events.slice(0, 10).map((one) => ownedBy(at + 1, one)),
  facts: facts.map((one) => factOf(at + 1, one)),
}));
let store: AggregateStore;

beforeAll(async () => {
  // The preset in which an event that is folded twice bills twice.
  store = await AggregateStore.create('java-4.23');
});
afterAll(() => store[Symbol.asyncDispose]());

test(`1000 accounts in any batches, on any number of partitions, with duplicates and workers that crash or are replaced: the rows of each account alone (seed ${seed})`, async () => {
  const expected = stories.flatMap((story, at) => foldAlone(story, at + 1)).toSorted();
  expect(expected.length).toBeGreaterThan(accounts);
  const drafts = feed();
  const rowsOf = async (generation: number) => {
    const rows = await store.rows<StoredRow>('record', `WHERE generation = ${generation}`);
    return rows.map((row) => line(row.natural_key, row)).toSorted();
  };
  let crashes = 0;
  const crash: BatchControl = {
    stale: () => false,
    heartbeat: async () => {
      if (random.chance(0.95)) return;
      crashes++;
      throw new AppError('LOG_UNREACHABLE');
    },
  };
  const foldLogs = async (generation: number, logs: readonly (readonly LogRecord[])[]) => {
    for (const [partition, log] of logs.entries()) {
      let worker = await store.worker(generation, partition, { limits });
      for (let at = 0; at < log.length;) {
        const next = at + random.whole(1, 2000);
        const isDone = await worker.handle(batchOf(partition, log.slice(at, next)), crash).then(
          () => true,
          () => false,
        );
        if (isDone) at = next;
        if (isDone && !random.chance(0.2)) continue;
        // Its successor is handed records again that are stored already.
        await worker.close();
        worker = await store.worker(generation, partition, { limits });
        at = Math.max(0, at - random.whole(0, 1000));
      }
      await worker.close();
    }
  };
  for (const partitions of [1, random.whole(2, 16)]) {
    const generation = await store.generation(`on-${partitions}`, partitions);
    const logs = placed(drafts, partitions);
    await foldLogs(generation, logs);
    expect(await rowsOf(generation), `${partitions} partitions`).toEqual(expected);

    if (partitions === 1) continue;
    // A replay is a no-op, in whatever batches.
    await resetGeneration(store.pool, store.schema, generation);
    await foldLogs(generation, logs);
    expect(await rowsOf(generation), `${partitions} partitions, again`).toEqual(expected);
  }
  expect(crashes).toBeGreaterThan(3);
  expect(await store.count('late_event')).toBe(0);
});

/** Large closes are several transactions, so that a crash can leave one half done. */
const limits = { splitLength: 400_000, pageAccounts: 100 };

interface StoredRow {
  readonly natural_key: string;
  readonly quantity: string;
  readonly description: string;
}

function ownedBy(owner: number, one: FoldEvent): FoldEvent {
  const id = u64<EventId>(owner * 1000 + Number(one.id));
  const createdMs = start + one.createdMs;
  return { ...one, id, createdMs, accountId: u64<AccountId>(owner), feedOffset: 0 };
}

function factOf(owner: number, fact: Fact): Fact {
  const accountId = u64<AccountId>(owner);
  const own = fact.kind === 'account' ? { id: accountId } : { accountId };
  const value: Record<string, unknown> | null =
    fact.value === null ? null : { ...fact.value, ...own };
  if (typeof value?.['removedMs'] === 'number') value['removedMs'] += start;
  const id = fact.kind === 'account' ? accountId : fact.id;
  return { ...fact, id, accountId, atMs: start + fact.atMs, value } as Fact;
}

/** All stories in one feed: each record comes up to 14 minutes late, some events come again at any time. */
function feed(): Draft[] {
  const arrivals: { atMs: number; drafts: (nowMs: number) => Draft[] }[] = [];
  for (const one of stories.flatMap(({ events }) => events)) {
    const { id, type, accountId, createdMs, feedOffset: _, details, ...columns } = one;
    const first = Number(id) * 10;
    const drafts = (nowMs: number) => [
      event(id, type, accountId, createdMs, nowMs, columns),
      ...details.map(({ name, value }, n) => detail(first + n, id, accountId, name, value)),
    ];
    const atMs = createdMs + random.whole(0, 14 * 60) * 1000;
    arrivals.push({ atMs, drafts });
    if (random.chance(0.1)) arrivals.push({ atMs: atMs + random.whole(0, 90) * minute, drafts });
  }
  for (const { facts } of stories) {
    const newest = new Map<string, object>();
    for (const { atMs, kind, id, accountId, value } of facts) {
      const before = newest.get(`${kind} ${id}`);
      const content = value ?? before;
      // A row that is deleted before anybody saw it leaves nothing.
      if (content === undefined) continue;
      newest.set(`${kind} ${id}`, content);
      const part = isCounter(kind) ? 'counter' : kind;
      const isThere = value !== null;
      arrivals.push({ atMs, drafts: (now) => [factDraft(part, accountId, content, now, isThere)] });
    }
  }
  return [
    ...arrivals
      .toSorted((a, b) => a.atMs - b.atMs)
      .flatMap(({ atMs, drafts }) => drafts(Math.max(atMs, start))),
    watermark(start + closedHours * hour + rules.closeDelayMs),
  ];
}

const isCounter = (kind: Fact['kind']): kind is Counter['table'] => kind.endsWith('statistics');

function foldAlone({ events, facts: told }: (typeof stories)[number], owner: number): string[] {
  // What the source deletes stays with its last content.
  const facts = told.filter(({ value }) => value !== null);
  const accountId = u64<AccountId>(owner);
  let state = emptyState(accountId);
  return Array.from({ length: closedHours }, (_, at) => {
    const window = { startMs: start + at * hour, endMs: start + (at + 1) * hour };
    const runMs = window.endMs + rules.closeDelayMs;
    const output = fold({
      state,
      window: { ...window, runMs },
      events: events.filter(({ createdMs: ms }) => ms >= window.startMs && ms < window.endMs),
      // A window closes before a record of its run time counts.
      facts: factsAt(facts, runMs - 1),
      quirks: quirkSet('java-4.23'),
      settings: rules.settings,
    });
    ({ state } = output);
    return output.rows.map((row) => line(naturalKey(row, window.startMs), row));
  }).flat();
}

const line = (key: string, row: Pick<UsageRow, 'quantity' | 'description'>): string =>
  [key, row.quantity, row.description].join('\t');
