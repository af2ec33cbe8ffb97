import { expect, test, vi } from 'vitest';
import { serverClock } from '../../src/tail/server-facts.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

type Feed = Awaited<ReturnType<TailedCloud['feed']>>;
const partitions = [0, 1, 2];
const marks = (feed: Feed, partition: number) =>
  feed.filter((each) => each.partition === partition).map((each) => each.watermarkMs);

test('wall: watermarks rise on every partition and are true of what came before them', async () => {
  await using cloud = await tailedCloud();
  const { sql } = cloud;
  const tail = cloud.start();
  await tail.whenCaughtUp();
  const committed = new Map<string, number>();
  for (let id = 1; id <= 60; id++) {
    await insertEvent(sql, { id, account_id: 2 + (id % 5) });
    // The commit is over: at this time at the latest.
    committed.set(String(id), await serverClock(sql));
  }
  // A time of its own choosing must not move the watermark.
  await sql.query('SET timestamp = 2000000000');
  await insertEvent(sql, { id: 61 });
  await sql.query('SET timestamp = DEFAULT');
  const afterAll = await serverClock(sql);
  // A silent partition gets the watermark by itself, some time after the others.
  const areAllPast = async () => {
    const feed = await cloud.feed();
    return partitions.every(
      (partition) => Math.max(...marks(feed, partition).map((mark) => mark ?? 0)) > afterAll,
    );
  };
  await expect.poll(areAllPast, { timeout: 30_000 }).toBe(true);
  await tail.stop();

  const feed = await cloud.feed();
  for (const partition of partitions) {
    const rising = marks(feed, partition).filter((mark) => mark !== null);
    expect(rising).toEqual(rising.toSorted((a, b) => a - b));
    expect(rising.at(-1)).toBeGreaterThan(afterAll);
    expect(rising.at(-1)).toBeLessThanOrEqual(await serverClock(sql));
    let mark = -Infinity;
    for (const each of feed.filter((record) => record.partition === partition)) {
      mark = Math.max(mark, each.watermarkMs ?? -Infinity);
      // A change that was committed before a watermark cannot come after it.
      if (each.kind === 'usage-event' && committed.has(each.event.id))
        expect(committed.get(each.event.id)).toBeGreaterThanOrEqual(mark);
    }
  }
});

test('source: the watermark is the highest commit time so far, and `until` closes the last windows', async () => {
  await using cloud = await tailedCloud();
  const { sql } = cloud;
  const tail = cloud.start({ clock: 'source', silenceMs: 60_000 });
  await tail.when((each) => each.phase === 'snapshot' || each.phase === 'stream');
  const day = Date.UTC(2020, 0, 1);
  for (const [id, hour] of [1, 5, 3, 7].entries()) {
    await sql.query(`SET timestamp = ${(day + hour * 3_600_000) / 1000}`);
    await insertEvent(sql, { id: id + 1, account_id: 3 });
  }
  await sql.query('SET timestamp = DEFAULT');
  await tail.when((each) => each.phase === 'stream' && each.changes === 4);
  await tail.stop();
  const hours = (await cloud.feed()).flatMap((each) =>
    each.kind === 'usage-event' && each.watermarkMs !== null
      ? [(each.watermarkMs - day) / 3_600_000]
      : [],
  );
  // A record carries its own commit time, or a higher one before it.
  expect(hours.slice(-3)).toEqual([5, 5, 7]);

  const untilMs = day + 24 * 3_600_000;
  const last = cloud.start({ clock: 'source', untilMs });
  expect(await last.done).toEqual({ reason: 'until' });
  const feed = await cloud.feed();
  for (const partition of partitions)
    expect(marks(feed, partition).at(-1)).toBe(untilMs + cloud.options.closeDelayMs);
});

test('source: `until` is reached with everything that was there when it began', async () => {
  await using cloud = await tailedCloud();
  for (let id = 1; id <= 5; id++) await insertEvent(cloud.sql, { id });
  const first = cloud.start({ clock: 'source', untilMs: Date.UTC(2026, 2, 2) });
  expect(await first.done).toEqual({ reason: 'until' });
  for (let id = 6; id <= 9; id++) await insertEvent(cloud.sql, { id });
  const second = cloud.start({ clock: 'source', untilMs: Date.UTC(2026, 2, 3) });
  expect(await second.done).toEqual({ reason: 'until' });
  const ids = (await cloud.feed()).flatMap((each) =>
    each.kind === 'usage-event' ? [each.event.id] : [],
  );
  expect(ids).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

test('wall: `until` ends when the clock has passed it and the close delay', async () => {
  await using cloud = await tailedCloud();
  await insertEvent(cloud.sql, { id: 1 });
  const untilMs = await serverClock(cloud.sql);
  const tail = cloud.start({ untilMs, closeDelayMs: 500 });
  expect(await tail.done).toEqual({ reason: 'until' });
  const feed = await cloud.feed();
  for (const partition of partitions)
    expect(marks(feed, partition).at(-1)).toBeGreaterThanOrEqual(untilMs + 500);
});

test('a snapshot lets the windows of the past close in order', async () => {
  await using cloud = await tailedCloud();
  for (let hour = 0; hour < 20; hour++)
    await insertEvent(cloud.sql, { created: `2026-03-01 ${String(hour).padStart(2, '0')}:00:00` });
  const tail = cloud.start({ snapshotChunkRows: 5, clock: 'source', silenceMs: 60_000 });
  await tail.when((each) => each.phase === 'snapshot' && each.rows === 20);
  await tail.stop();
  const feed = await cloud.feed();
  const expected = [4, 9, 14, 19].map((hour) => Date.UTC(2026, 2, 1, hour) - 1000);
  for (const partition of partitions) {
    const bare = feed.filter((each) => each.kind === 'watermark' && each.partition === partition);
    expect(bare.map((each) => each.watermarkMs)).toEqual(expected);
  }
});
