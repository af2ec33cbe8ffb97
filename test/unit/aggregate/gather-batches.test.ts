import { expect, test } from 'vitest';
import { gather } from '../../../src/aggregate/gather-batches.ts';
import { Throttle } from '../../../src/aggregate/throttle.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import type { LogBatch } from '../../../src/platform/log/log.ts';

const record = (offset: number, key: string | null, bytes = 10) => ({
  ...{ offset, key: key === null ? null : Buffer.from(key), value: Buffer.alloc(bytes) },
  ...{ timestampMs: 0, headers: {} },
});

async function* feed(...batches: readonly (readonly [number, number])[]): AsyncGenerator<LogBatch> {
  for (const [from, to] of batches) {
    const records = Array.from({ length: to - from }, (_, at) =>
      record(from + at, String((from + at) % 3)),
    );
    // Behind the records stands a transaction marker.
    const offsets = { startOffset: from, nextOffset: to + 1, endOffset: 100 };
    yield { topic: 'feed', partition: 0, records, ...offsets };
    await Promise.resolve();
  }
}

const gathered = async (...args: Parameters<typeof gather>) => {
  const found: [number, number][] = [];
  let at = 0;
  for await (const { records, startOffset, nextOffset } of gather(...args)) {
    expect(startOffset).toBe(at);
    at = nextOffset;
    found.push([records.length, nextOffset]);
  }
  return found;
};

test.each([
  {
    why: 'batches are joined up to a size, and end behind the last marker',
    limits: { bytes: 50, most: Infinity },
    is: [
      [5, 5],
      [5, 11],
      [2, 14],
    ],
  },
  {
    why: 'or up to a number; a marker that is left is passed',
    limits: { bytes: 1000, most: 4 },
    is: [
      [4, 4],
      [4, 9],
      [4, 13],
      [0, 14],
    ],
  },
  {
    why: 'or all of them to one',
    limits: { bytes: 1000, most: Infinity },
    is: [[12, 14]],
  },
])('$why', async ({ limits, is }) => {
  expect(await gathered(feed([0, 6], [7, 13]), limits)).toEqual(is);
});

test('records of other accounts are left out, and the offset passes them', async () => {
  const accounts = new Set(['1' as AccountId]);
  const limits = { bytes: 1000, most: Infinity };
  expect(await gathered(feed([0, 6], [7, 13]), limits, accounts)).toEqual([[4, 14]]);
});

test('a throttle lets the first begin at once and the next wait, until the rate or a stop lets it go', async () => {
  const throttle = new Throttle(1, { now: () => 1000 });
  const stop = new AbortController();
  await throttle.take(3600, stop.signal);
  let isThrough = false;
  const next = throttle.take(1, stop.signal).then(() => (isThrough = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isThrough).toBe(false);
  stop.abort();
  expect(await next).toBe(true);
});
