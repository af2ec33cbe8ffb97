import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { FoldEvent } from '../../src/contracts/fold.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { AccountId, EventId } from '../../src/contracts/ids.ts';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { emptyState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import { naturalKey } from '../../src/domain/natural-key.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import { account, detail, event, hour, minute, placed, start } from '../support/aggregate-feed.ts';
import { watermark } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { anyEvents } from '../support/arbitrary-events.ts';
import { accountRow } from '../support/fold-story.ts';
import { testSeed } from '../support/seeded.ts';
import { AggregateStore, batchOf, calm, rules } from './aggregate-fixture.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** Hours in which something happens, and those that are closed. */
const [busyHours, closedHours] = [6, 8];
const accounts = 1000;
const { seed, random } = testSeed();
const stories = fc
  .sample(anyEvents(busyHours * hour), { numRuns: accounts, seed })
  .map((events, at) => events.slice(0, 10).map((one) => ownedBy(at + 1, one)));
let store: AggregateStore;

beforeAll(async () => {
  // The preset in which an event that is folded twice bills twice.
  store = await AggregateStore.create('java-4.23');
});
afterAll(() => store[Symbol.asyncDispose]());

test(`1000 accounts in any batches, with duplicates and workers that are replaced: the rows of each account alone (seed ${seed})`, async () => {
  const expected = stories.flatMap((events, at) => foldAlone(events, at + 1)).toSorted();
  expect(expected.length).toBeGreaterThan(accounts);
  const partitions = random.whole(1, 8);
  const generation = await store.generation('stories', partitions);
  const logs = placed(feed(), partitions);
  const foldLogs = async () => {
    for (const [partition, log] of logs.entries()) {
      let worker = await store.worker(generation, partition);
      for (let at = 0; at < log.length;) {
        const next = at + random.whole(1, 400);
        await worker.handle(batchOf(partition, log.slice(at, next)), calm);
        at = next;
        if (!random.chance(0.2)) continue;
        // Its successor is handed records again that are stored already.
        await worker.close();
        worker = await store.worker(generation, partition);
        at = Math.max(0, at - random.whole(0, 300));
      }
      await worker.close();
    }
  };
  await foldLogs();
  expect(await published()).toEqual(expected);
  expect(await store.count('late_event')).toBe(0);

  // A replay is a no-op, in whatever batches.
  await resetGeneration(store.pool, store.schema, generation);
  await foldLogs();
  expect(await published()).toEqual(expected);
});

function ownedBy(owner: number, one: FoldEvent): FoldEvent {
  const id = u64<EventId>(owner * 1000 + Number(one.id));
  const createdMs = start + one.createdMs;
  return { ...one, id, createdMs, accountId: u64<AccountId>(owner), feedOffset: 0 };
}

/** All stories in one feed: each record comes up to 14 minutes late, some events come again at any time. */
function feed(): Draft[] {
  const arrivals: { atMs: number; drafts: (nowMs: number) => Draft[] }[] = [];
  for (const one of stories.flat()) {
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
  return [
    ...stories.map((__, at) => account(String(at + 1))),
    ...arrivals
      .toSorted((a, b) => a.atMs - b.atMs)
      .flatMap(({ atMs, drafts }) => drafts(Math.max(atMs, start))),
    watermark(start + closedHours * hour + rules.closeDelayMs),
  ];
}

function foldAlone(events: readonly FoldEvent[], owner: number): string[] {
  const accountId = u64<AccountId>(owner);
  let state = emptyState(accountId);
  return Array.from({ length: closedHours }, (_, at) => {
    const window = { startMs: start + at * hour, endMs: start + (at + 1) * hour };
    const output = fold({
      state,
      window: { ...window, runMs: window.endMs + rules.closeDelayMs },
      events: events.filter(({ createdMs: ms }) => ms >= window.startMs && ms < window.endMs),
      facts: {
        account: accountRow({ id: accountId, domainId: u64(1) }),
        ...{ counters: [], templates: [], buckets: [] },
      },
      quirks: quirkSet('java-4.23'),
      settings: rules.settings,
    });
    ({ state } = output);
    return output.rows.map((row) => line(naturalKey(row, window.startMs), row));
  }).flat();
}

const line = (key: string, row: Pick<UsageRow, 'quantity' | 'description'>): string =>
  [key, row.quantity, row.description].join('\t');

async function published(): Promise<string[]> {
  const rows = await store.rows<{ natural_key: string; quantity: string; description: string }>(
    'record',
  );
  return rows.map((row) => line(row.natural_key, row)).toSorted();
}
