import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { beginWithStates } from '../../src/aggregate/base-state.ts';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import { decodeState } from '../../src/domain/account-state.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { presets } from '../../src/domain/quirks.ts';
import { account, event, hour, minute, placed, start } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { at, close, CorrectionTeller, machine, readTold } from '../support/correction-teller.ts';
import type { AggregateStore } from './aggregate-fixture.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let teller: CorrectionTeller;
beforeAll(async () => {
  teller = await CorrectionTeller.create();
});
afterAll(() => teller[Symbol.asyncDispose]());

let names = 0;

/** The state that machine 7 left, started at 10 minutes, at the start of hour 1: no event of it is in the feed. */
async function openMachine(store: AggregateStore): Promise<AccountState> {
  const generation = await store.generation(`before${names++}`, 1);
  const feed = [account('1'), at(1, 'VM.START', 10 * minute), close(0)];
  await store.foldAll(generation, placed(feed, 1), () => 100);
  const [row] = await store.rows<{ state: string }>(
    'account_state',
    `WHERE generation=${generation}`,
  );
  return decodeState(row?.state ?? '');
}

/** A generation that begins with the machine open at hour 1, and folds the feed. */
async function begin(
  store: AggregateStore,
  feed: readonly Draft[],
  size = 100,
  eventsSql?: string,
): Promise<number> {
  const state = await openMachine(store);
  const generation = await store.generation(`base${names++}`, 1);
  const connection = await store.pool.getConnection();
  const base = { generation, startMs: start + hour, ...(eventsSql ? { eventsSql } : {}) };
  await beginWithStates(connection, store.schema, base, [[{ partition: 0, state }]]);
  connection.release();
  await store.foldAll(generation, placed(feed, 1), () => size);
  return generation;
}

const feed = [
  account('1'),
  close(1),
  close(2),
  // Late: it stopped in hour 1, and something else ran in hour 2.
  at(2, 'VM.STOP', hour + 20 * minute),
  at(3, 'VM.START', 2 * hour + 30 * minute, { ...machine, resourceId: '8' }),
  close(3),
  // Before the base: it is billed, by whoever billed what was before.
  at(4, 'VM.STOP', 30 * minute),
  close(4),
];

test.each(presets)(
  'what an account had open before its first event is folded again with the rest: %s',
  async (preset) => {
    const extra = preset === 'correct' ? 0 : 1;
    const store = teller.store(preset);
    const generation = await begin(store, feed);
    const { rows, corrections } = await readTold(store, generation);
    expect({ rows, corrections: corrections.toSorted() }).toEqual({
      rows: [
        `1 ${hour}`,
        `2 ${hour}`,
        `3 ${hour}`,
        `3 ${30 * minute} of a correction`,
        `4 ${hour}`,
      ],
      corrections: [
        `3: 1 ${hour} > ${20 * minute + extra} ledger ["2"]`,
        `3: 2 ${hour} > 0 ledger ["2"]`,
        `3: 2 0 > ${30 * minute} append ["3"]`,
      ].toSorted(),
    });
    const labels = { outcome: 'before-base' };
    expect(await store.metric('aggregate_events_total', labels)).toBe(1);
  },
);

test('a replay begins where the generation began, and changes nothing', async () => {
  const store = teller.store('correct');
  const generation = await begin(store, feed);
  const told = await readTold(store, generation);
  const states = () =>
    store.rows('account_state', `WHERE generation=${generation} ORDER BY account_id`);
  const before = await states();
  await resetGeneration(store.pool, store.schema, generation);
  await store.foldAll(generation, placed(feed, 1), () => 1, { limits: { memoryBytes: 0 } });
  expect(await readTold(store, generation)).toEqual(told);
  expect(await states()).toEqual(before);
});

test('after a correction the helper tables have what was open at the beginning, made again', async () => {
  const store = teller.store('correct');
  const generation = await begin(store, feed);
  const changes = await store.rows<{ body: string }>(
    'helper_change',
    `WHERE generation=${generation} AND window_start_ms=${start + 3 * hour}
       AND table_name='usage_vm_instance' ORDER BY serial`,
  );
  const spans = changes.map(({ body }) => (JSON.parse(body) as unknown[]).filter(isDate));
  // The one of the base, which the late stop closed, and the one that the late start opened.
  expect(spans).toEqual([['2026-03-01 00:10:00', '2026-03-01 01:20:00'], ['2026-03-01 02:30:00']]);
});

const isDate = (cell: unknown) => String(cell).startsWith('2026-');

test('an account without a base state in such a generation begins with its first event', async () => {
  const store = teller.store('correct');
  const other = event(9, 'VM.START', '2', start + 90 * minute, null, {
    ...machine,
    resourceId: '9',
  });
  const generation = await begin(store, [account('2'), other, close(1)]);
  const rows = await store.rows<{ account_id: string; quantity: string }>(
    'record',
    `WHERE generation=${generation} AND usage_type=1 ORDER BY account_id`,
  );
  expect(rows.map((row) => [row.account_id, row.quantity])).toEqual([
    ['1', String(hour)],
    ['2', String(30 * minute)],
  ]);
});

const started = at(1, 'VM.START', 10 * minute);
/** Of before the base, but not in it: whoever billed that time never saw it. */
const stopped = at(4, 'VM.STOP', 30 * minute);
const laterStart = at(5, 'VM.START', hour + 30 * minute, { ...machine, resourceId: '8' });

test.each([
  { when: 'in the first window', feed: [started, stopped, close(1), close(2)], rows: [] },
  {
    when: 'after windows of ours that it wrongs',
    feed: [started, close(1), close(2), stopped, close(3)],
    rows: [`1 ${hour}`, `2 ${hour}`],
    corrections: [`3: 1 ${hour} > 0 ledger ["4"]`, `3: 2 ${hour} > 0 ledger ["4"]`],
  },
  {
    when: 'and still has when the past is folded again',
    feed: [started, stopped, close(1), close(2), laterStart, close(3)],
    rows: [`3 ${30 * minute} of a correction`, `3 ${hour}`, `3 ${hour} of a correction`],
    corrections: [`3: 1 0 > ${30 * minute} append ["5"]`, `3: 2 0 > ${hour} append ["5"]`],
  },
])(
  'an event of before the base that is not in its states has its effect once: $when',
  async ({ feed: all, rows, corrections = [] }) => {
    const store = teller.store('correct');
    const handled = 'SELECT ?, 1, 3';
    const generation = await begin(store, [account('1'), ...all], 1, handled);
    const told = await readTold(store, generation);
    expect(told.corrections.toSorted()).toEqual(corrections.toSorted());
    expect(told.rows.toSorted()).toEqual(rows);
    await resetGeneration(store.pool, store.schema, generation);
    await store.foldAll(generation, placed([account('1'), ...all], 1), () => 100);
    expect(await readTold(store, generation)).toEqual(told);
  },
);
