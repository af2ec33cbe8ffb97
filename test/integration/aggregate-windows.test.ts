import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  account,
  event,
  hour,
  logRecord,
  minute,
  start,
  volume,
  watermark,
} from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { AggregateStore, batchOf, calm } from './aggregate-fixture.ts';

let store: AggregateStore;
beforeAll(async () => {
  store = await AggregateStore.create();
});
afterAll(() => store[Symbol.asyncDispose]());

const delay = 15 * minute;

/** Where a partition stands after each of the records, handed one by one. */
async function closedAfter(name: string, feed: readonly Draft[]): Promise<(number | null)[]> {
  const generation = await store.generation(name, 1);
  const worker = await store.worker(generation, 0);
  const closed: (number | null)[] = [];
  for (const [offset, draft] of feed.entries()) {
    await worker.handle(batchOf(0, [logRecord(offset, draft)]), calm);
    const [row] = await store.rows<{ closed_until_ms: string | null }>(
      'progress',
      `WHERE generation=${generation}`,
    );
    closed.push(row?.closed_until_ms == null ? null : Number(row.closed_until_ms) - start);
  }
  return closed;
}

const create = (id: number, at: number, watermarkMs: number | null) =>
  event(id, 'VOLUME.CREATE', '1', at, watermarkMs, { ...volume, resourceId: String(id) });

test('a window closes when the watermark reaches its end plus the delay, not a millisecond before', async () => {
  const feed = [
    watermark(start + minute),
    watermark(start + hour + delay - 1),
    watermark(start + hour + delay),
    watermark(start + 3 * hour),
  ];
  expect(await closedAfter('exact', feed)).toEqual([null, 0, hour, 2 * hour]);
});

test('the first window is that of the oldest event when it comes before anything is closed', async () => {
  const feed = [
    account('1', null),
    create(1, start + 5 * hour, null),
    create(2, start + 2 * hour, null),
    watermark(start + 6 * hour + delay),
  ];
  expect(await closedAfter('oldest', feed)).toEqual([null, null, null, 6 * hour]);
  expect(await store.count('record', `window_start_ms=${start + 2 * hour}`)).toBe(1);
  expect(await store.count('event', 'late=1')).toBe(0);
});

test('a partition that begins late says that nothing before was open, and holds up nobody', async () => {
  expect(await closedAfter('begins late', [watermark(start + 30 * 24 * hour + delay)])).toEqual([
    30 * 24 * hour,
  ]);
});

test('a watermark never goes back', async () => {
  const feed = [watermark(start), watermark(start + 2 * hour + delay), watermark(start)];
  expect(await closedAfter('back', feed)).toEqual([null, 2 * hour, 2 * hour]);
});

test('ten years without anything are closed at once; what is open bills every window', async () => {
  const tenYears = 3650 * 24 * hour;
  expect(
    await closedAfter('gap', [
      account('1', start),
      create(3, start + tenYears, start + tenYears),
      watermark(start + tenYears + 4 * hour + delay),
    ]),
  ).toEqual([null, tenYears - hour, tenYears + 4 * hour]);
  expect(await store.count('record', `window_start_ms >= ${start + tenYears}`)).toBe(4);
});

test('an event of the future waits for its window', async () => {
  const generation = await store.generation('future', 1);
  const worker = await store.worker(generation, 0);
  const feed = [
    account('1', start),
    create(1, start + 3 * hour, start),
    watermark(start + 3 * hour),
  ];
  await worker.handle(
    batchOf(
      0,
      feed.map((draft, at) => logRecord(at, draft)),
    ),
    calm,
  );
  expect(await store.count('record', `generation=${generation}`)).toBe(0);
  await worker.handle(batchOf(0, [logRecord(3, watermark(start + 5 * hour + delay))]), calm);
  const rows = await store.rows<{ window_start_ms: string; quantity: string }>(
    'record',
    `WHERE generation=${generation} ORDER BY window_start_ms`,
  );
  expect(rows.map((row) => [Number(row.window_start_ms) - start, row.quantity])).toEqual([
    [3 * hour, String(hour)],
    [4 * hour, String(hour)],
  ]);
});

test('a record that closes windows counts after the close', async () => {
  const generation = await store.generation('order', 1);
  const worker = await store.worker(generation, 0);
  const feed = [
    account('1', start),
    create(1, start, start),
    // Created in the window that its own watermark closes: late by definition.
    event(2, 'VOLUME.DELETE', '1', start + minute, start + hour + delay, { resourceId: '1' }),
  ];
  await worker.handle(
    batchOf(
      0,
      feed.map((draft, at) => logRecord(at, draft)),
    ),
    calm,
  );
  const [row] = await store.rows<{ quantity: string }>('record', `WHERE generation=${generation}`);
  expect(row?.quantity).toBe(String(hour));
  expect(await store.count('event', `generation=${generation} AND late=1`)).toBe(1);
});
