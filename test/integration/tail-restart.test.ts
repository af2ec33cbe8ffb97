import { expect, test, vi } from 'vitest';
import type { TailProgress } from '../../src/tail/tailer.ts';
import { killTailWhen } from '../support/killable-tail.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i + 1));

async function insertMany(cloud: TailedCloud, from: number, to: number): Promise<void> {
  for (let id = from; id <= to; id++)
    await insertEvent(cloud.sql, {
      id,
      account_id: 2 + (id % 7),
      resource_name: `vm-${id}`,
      created: new Date(Date.UTC(2026, 2, 1) + id * 1000)
        .toISOString()
        .slice(0, 19)
        .replace('T', ' '),
    });
}

/** Ids in the feed and in the raw topic, each list as it is, with repetitions. */
async function idsOf(cloud: TailedCloud) {
  const feed = (await cloud.feed()).flatMap((each) =>
    each.kind === 'usage-event' ? [each.event.id] : [],
  );
  const raw = (await cloud.raw('usage_event')).map(
    ({ key }) => (JSON.parse(key) as { id: number }).id,
  );
  const byNumber = (a: string, b: string) => Number(a) - Number(b);
  return { feed: feed.toSorted(byNumber), raw: raw.map(String).toSorted(byNumber) };
}

test('killed in the snapshot and in the binlog, it writes each row once', async () => {
  await using cloud = await tailedCloud();
  await insertMany(cloud, 1, 60);
  const options = { ...cloud.options, snapshotChunkRows: 7, lingerMs: 1 };
  // In the middle of the events; what comes meanwhile is in the binlog and in the table.
  await killTailWhen(options, (p) => p.phase === 'snapshot' && p.rows >= 20);
  await insertMany(cloud, 61, 80);
  await killTailWhen(options, (p) => p.phase === 'snapshot' && p.rows >= 40);
  // In the binlog, while a writer goes on.
  const writing = insertMany(cloud, 81, 400);
  let atFirst = 0;
  await killTailWhen(options, (p: TailProgress, seen) => {
    if (p.phase !== 'stream') return false;
    atFirst ||= seen;
    return seen > atFirst + 3;
  });
  await writing;
  const last = cloud.start({ snapshotChunkRows: 7 });
  await last.whenCaughtUp();
  await last.stop();
  expect(await idsOf(cloud)).toEqual({ feed: numbers(400), raw: numbers(400) });
  const markers = (await cloud.raw('usage_event')).filter(({ value }) =>
    value?.includes('"snapshot":"last"'),
  );
  expect(markers).toHaveLength(1);
});

test('stopped and started again and again while changes come, it writes each once', async () => {
  await using cloud = await tailedCloud();
  const writing = insertMany(cloud, 1, 800);
  let written = false;
  void writing.finally(() => (written = true));
  while (!written) {
    const tail = cloud.start({ lingerMs: 5, snapshotChunkRows: 10 });
    const { length } = tail.progress;
    await tail.when(() => tail.progress.length > length + 4);
    expect(await tail.stop()).toEqual({ reason: 'stopped' });
  }
  await writing;
  const last = cloud.start();
  await last.whenCaughtUp();
  await last.stop();
  expect(await idsOf(cloud)).toEqual({ feed: numbers(800), raw: numbers(800) });
});

test('of two tailers one works, and the other when that one has gone', async () => {
  await using cloud = await tailedCloud();
  const two = [cloud.start(), cloud.start()] as const;
  const leads = (tail: (typeof two)[number]) => tail.progress.at(-1)?.phase !== 'standby';
  await insertMany(cloud, 1, 50);
  const caughtUp = await Promise.race(two.map((tail) => tail.whenCaughtUp().then(() => tail)));
  const other = two.find((tail) => tail !== caughtUp)!;
  const [first, second] = leads(other) ? [other, caughtUp] : [caughtUp, other];
  await insertMany(cloud, 51, 100);
  await Promise.any([first.whenCaughtUp(), second.whenCaughtUp()]);
  await first.stop();
  await insertMany(cloud, 101, 150);
  await second.whenCaughtUp();
  await second.stop();
  expect(await idsOf(cloud)).toEqual({ feed: numbers(150), raw: numbers(150) });
});

test('a tailer whose writer was fenced drops everything and writes nothing twice', async () => {
  await using cloud = await tailedCloud();
  const tail = cloud.start();
  await insertMany(cloud, 1, 20);
  await tail.whenCaughtUp();
  // Somebody opens the same id: the tailer must lose its transaction, rejoin and go on from the position.
  for (let n = 0; n < 2; n++) {
    await using _thief = await cloud.log.writer({ transactionalId: `${cloud.prefix}-tail` });
    await insertMany(cloud, 21 + n * 20, 40 + n * 20);
    await tail.whenCaughtUp();
  }
  await tail.stop();
  expect(await idsOf(cloud)).toEqual({ feed: numbers(60), raw: numbers(60) });
});
