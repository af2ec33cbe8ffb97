import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fold } from '../../src/domain/fold.ts';
import { AppError } from '../../src/platform/errors.ts';
import type { BatchControl } from '../../src/platform/log/log.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import {
  account,
  event,
  hour,
  logRecord,
  placed,
  start,
  volume,
  watermark,
} from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { testSeed } from '../support/seeded.ts';
import { AggregateStore, batchOf, batches, calm } from './aggregate-fixture.ts';

// Thousands of transactions: a busy machine may need a while.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const { seed, random } = testSeed();
let store: AggregateStore;
let cloud: Draft[];
let whole: { rows: number; digest: string };

beforeAll(async () => {
  // The preset in which an event that is folded twice bills twice.
  store = await AggregateStore.create('java-4.23');
  cloud = smallCloud(() => random.next());
  const generation = await store.generation('whole', 1);
  await store.foldAll(generation, placed(cloud, 1), () => Infinity);
  whole = await store.digest('whole');
});
afterAll(() => store[Symbol.asyncDispose]());

const connectionOf = async (generation: number) => {
  const [row] = await store.rows<{ connection_id: string }>(
    'progress',
    `WHERE generation=${generation}`,
  );
  return row?.connection_id;
};

test(`a crash between any two transactions of a close changes nothing (seed ${seed})`, async () => {
  const generation = await store.generation('crashes', 1);
  const limits = { splitLength: 0, pageAccounts: 2 };
  const [log = []] = placed(cloud, 1);
  let crashes = 0;
  let halfClosed = 0;
  for (const batch of batches(0, log, () => random.whole(1, 120))) {
    const heartbeat = async () => {
      if (random.chance(0.9)) return;
      crashes++;
      throw new AppError('LOG_UNREACHABLE');
    };
    for (let isDone = false; !isDone;) {
      const worker = await store.worker(generation, 0, { limits });
      await worker.handle(batch, { stale: () => false, heartbeat }).then(
        () => (isDone = true),
        () => undefined,
      );
      await worker.close();
      halfClosed += await store.count(
        'account_state',
        `generation=${generation} AND folded_until_ms >
           (SELECT closed_until_ms FROM ${store.schema}.progress WHERE generation=${generation})`,
      );
    }
  }
  expect(crashes).toBeGreaterThan(10);
  expect(halfClosed).toBeGreaterThan(0);
  expect(await store.digest('crashes')).toEqual(whole);
});

test(`a connection lost at any step, with a COMMIT of unknown outcome, changes nothing`, async () => {
  const generation = await store.generation('lost', 1);
  const worker = await store.worker(generation, 0, { limits: { splitLength: 0, pageAccounts: 4 } });
  const [log = []] = placed(cloud, 1);
  let kills = 0;
  let beats = 0;
  const heartbeat = async () => {
    if (++beats % 12 !== 0) return;
    kills++;
    const id = await connectionOf(generation);
    // It dies at once, or while one of the next statements runs.
    const kill = store.pool.query(`KILL ${id}`).catch(() => undefined);
    if (kills % 2 === 0) await kill;
  };
  for (const batch of batches(0, log, () => random.whole(1, 60)))
    await worker.handle(batch, { stale: () => false, heartbeat });
  expect(kills).toBeGreaterThan(3);
  expect(await store.digest('lost')).toEqual(whole);
});

test('an owner of an old epoch can commit nothing, and its connection is dead', async () => {
  const generation = await store.generation('zombie', 1);
  const [log = []] = placed(cloud, 1);
  const zombie = await store.worker(generation, 0);
  await zombie.handle(batchOf(0, log.slice(0, 100)), calm);
  const connection = await connectionOf(generation);
  const successor = await store.worker(generation, 0);
  const [alive] = await store.pool.query(
    `SELECT 1 FROM information_schema.PROCESSLIST WHERE ID=${connection}`,
  );
  expect(alive).toEqual([]);
  await expect(zombie.handle(batchOf(0, log.slice(100, 200)), calm)).rejects.toMatchObject({
    code: 'SINK_FENCED',
  });
  expect(
    await store.count('event', `generation=${generation} AND feed_offset >= ${log[100]?.offset}`),
  ).toBe(0);
  await successor.handle(batchOf(0, log.slice(100)), calm);
  expect(await store.digest('zombie')).toEqual(whole);
  expect(await store.metric('aggregate_fenced_total', {})).toBe(1);
});

test('the fence alone stops a worker that was replaced or whose generation was reset', async () => {
  const generation = await store.generation('fence', 1);
  const [log = []] = placed(cloud, 1);
  const fenced = { code: 'SINK_FENCED' };
  const replaced = await store.worker(generation, 0);
  await replaced.handle(batchOf(0, log.slice(0, 100)), calm);
  const { schema } = store;
  await store.pool.query(
    `UPDATE ${schema}.progress SET epoch=epoch+1 WHERE generation=${generation}`,
  );
  await expect(replaced.handle(batchOf(0, log.slice(100, 200)), calm)).rejects.toMatchObject(
    fenced,
  );
  const moved = await store.worker(generation, 0);
  await store.pool.query(
    `UPDATE ${schema}.progress SET next_offset=7 WHERE generation=${generation}`,
  );
  await expect(moved.handle(batchOf(0, log.slice(100, 200)), calm)).rejects.toMatchObject(fenced);
  const late = `generation=${generation} AND feed_offset >= ${log[100]?.offset}`;
  expect(await store.count('event', late)).toBe(0);
});

test('a worker needs no right but to read, insert and update its schema', async () => {
  const generation = await store.generation('rights', 1);
  const [log = []] = placed(cloud, 1);
  const user = `worker_${store.schema}`;
  const { schema, target } = store;
  await store.pool.query(`CREATE USER ${user} IDENTIFIED BY 'pw'`);
  await store.pool.query(`GRANT SELECT, INSERT, UPDATE ON ${schema}.* TO ${user}`);
  store.target = { ...target, user, password: 'pw' };
  try {
    const replaced = await store.worker(generation, 0);
    await replaced.handle(batchOf(0, log.slice(0, 300)), calm);
    const connection = await connectionOf(generation);
    const successor = await store.worker(generation, 0);
    const ofReplaced = `SELECT 1 FROM information_schema.PROCESSLIST WHERE ID=${connection}`;
    expect((await store.pool.query(ofReplaced))[0]).toEqual([]);
    await successor.handle(batchOf(0, log), calm);
    expect(await store.digest('rights')).toEqual(whole);
  } finally {
    store.target = target;
    await store.pool.query(`DROP USER ${user}`);
  }
});

test('a frozen owner inside a transaction does not hold up its successor', async () => {
  const generation = await store.generation('frozen', 1);
  const [log = []] = placed(cloud, 1);
  const frozen = await store.worker(generation, 0, { limits: { unitLength: 1000 } });
  const inside = Promise.withResolvers<void>();
  const thaw = Promise.withResolvers<void>();
  const control: BatchControl = {
    stale: () => false,
    heartbeat: () => (inside.resolve(), thaw.promise),
  };
  const handled = frozen.handle(batchOf(0, log.slice(0, 300)), control);
  await inside.promise;
  const successor = await store.worker(generation, 0);
  await successor.handle(batchOf(0, log), calm);
  thaw.resolve();
  await expect(handled).rejects.toMatchObject({ code: 'SINK_FENCED' });
  expect(await store.digest('frozen')).toEqual(whole);
});

test('a worker whose partition is lost commits nothing more and takes no further batch', async () => {
  const generation = await store.generation('stale', 1);
  const [log = []] = placed(cloud, 1);
  const worker = await store.worker(generation, 0);
  await worker.handle(batchOf(0, log.slice(0, 50)), { ...calm, stale: () => true });
  await worker.handle(batchOf(0, log.slice(50, 100)), calm);
  expect(await store.count('event', `generation=${generation}`)).toBe(0);
  expect(worker.nextOffset).toBe(0);
});

test('an account whose fold throws waits, with a dead letter; the others go on', async () => {
  const generation = await store.generation('bug', 1);
  const feed = [account('1'), account('2'), account('3')];
  for (const [at, owner] of ['1', '2', '3'].entries())
    feed.push(event(at + 1, 'VOLUME.CREATE', owner, start, null, { ...volume, resourceId: owner }));
  feed.push(watermark(start + 5 * hour));
  const buggy: typeof fold = (input) => {
    const isSecondHour = input.window.startMs === start + hour;
    if (isSecondHour && input.state.accountId === '2') throw new TypeError('no such thing');
    const folded = fold(input);
    if (!isSecondHour || input.state.accountId !== '3') return folded;
    // A row that fits no column is a bug of the fold as well, not a cut row.
    return {
      ...folded,
      rows: folded.rows.map((row) => ({ ...row, description: 'x'.repeat(2000) })),
    };
  };
  await store.foldAll(generation, placed(feed, 1), () => 2, { fold: buggy });
  const rowsOf = (owner: string) =>
    store.count('record', `generation=${generation} AND account_id=${owner}`);
  expect([await rowsOf('1'), await rowsOf('2'), await rowsOf('3')]).toEqual([4, 1, 1]);
  const letters = await store.rows<{ account_id: string; facts: string }>(
    'dead_letter',
    `WHERE generation=${generation} AND reason='FOLD_BUG' ORDER BY account_id`,
  );
  expect(letters.map((letter) => letter.account_id)).toEqual(['2', '3']);
  expect(letters[0]?.facts).toContain('no such thing');
  const waiting = `generation=${generation} AND incomplete_from_ms=${start + hour}`;
  expect(await store.count('account_state', waiting)).toBe(2);

  // Still so after a restart: later windows are not folded over the hole.
  const worker = await store.worker(generation, 0);
  await worker.handle(batchOf(0, [logRecord(1000, watermark(start + 8 * hour))]), calm);
  expect([await rowsOf('1'), await rowsOf('2')]).toEqual([7, 1]);
});
