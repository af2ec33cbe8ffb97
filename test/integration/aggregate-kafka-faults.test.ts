import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runAggregate } from '../../src/aggregate/aggregate.ts';
import type { AggregateIo, AggregateOptions } from '../../src/aggregate/aggregate.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog, GroupHandler, OutRecord } from '../../src/platform/log/log.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { usageFeed } from '../../streams/index.ts';
import { cloudEndMs, smallCloud } from '../support/aggregate-cloud.ts';
import { placed, watermark } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { dropRecords, withAdmin } from '../support/kafka-admin.ts';
import { testSeed } from '../support/seeded.ts';
import { StoreCopy } from '../support/store-copy.ts';
import { randomSuffix, servers } from '../support/servers.ts';
import { AggregateStore, rules } from './aggregate-fixture.ts';

// A busy machine needs a while for each rebalance.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const { seed, random } = testSeed();
const partitions = 4;
const brokers = servers().kafkaBrokers;
let store: AggregateStore;
let log: EventLog;
let cloud: Draft[];
let whole: { rows: number; digest: string };

beforeAll(async () => {
  store = await AggregateStore.create('java-4.23');
  const { logger } = store;
  log = await openKafkaLog({ brokers, clientId: 'aggregate-test', logger });
  cloud = smallCloud(() => random.next());
  const generation = await store.generation('whole', 1);
  await store.foldAll(generation, placed(cloud, 1), () => Infinity);
  whole = await store.digest('whole');
});
afterAll(async () => {
  await log[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const recordsOf = (prefix: string, drafts: readonly Draft[]): OutRecord[] =>
  placed(drafts, partitions).flatMap((one, partition) =>
    one.map(({ key, value }) => ({ topic: usageFeed.topic(prefix), partition, key, value })),
  );

async function append(prefix: string, drafts: readonly Draft[]): Promise<void> {
  await using writer = await log.writer({ transactionalId: `${prefix}-test` });
  const records = recordsOf(prefix, drafts);
  for (let at = 0; at < records.length; at += 200) {
    const transaction = await writer.begin();
    await transaction.append(records.slice(at, at + 200));
    await transaction.commit();
  }
}

async function feedOf(drafts: readonly Draft[]): Promise<string> {
  const prefix = `t${randomSuffix()}`;
  await log.ensureTopics(prefix, [usageFeed], partitions);
  await append(prefix, drafts);
  return prefix;
}

/** A worker of a generation that has the feed's name. */
function work(prefix: string, more: Partial<AggregateOptions> = {}, io: Partial<AggregateIo> = {}) {
  const stop = new AbortController();
  const metrics = createMetrics();
  const caughtUp = Promise.withResolvers<void>();
  const options: AggregateOptions = {
    ...rules,
    schema: store.schema,
    generation: prefix,
    prefix,
    feedPartitions: partitions,
    preset: 'java-4.23',
    quirkOverrides: {},
    sessionTimeoutMs: 6000,
    watchMs: 200,
    ...more,
  };
  const seen = new Set<number>();
  const done = runAggregate(options, {
    log,
    store: store.target,
    logger: store.logger,
    metrics,
    clock: systemClock,
    signal: stop.signal,
    onProgress: ({ partition, lag }) => {
      if (lag === 0) seen.add(partition);
      if (seen.size === partitions) caughtUp.resolve();
    },
    ...io,
  });
  const caught = Promise.race([caughtUp.promise, done]);
  // A test that waits for neither must not end the run.
  for (const promise of [done, caught]) promise.catch(() => {});
  return { metrics, done, caughtUp: caught, stop };
}

test('a worker stops when its feed is deleted, and makes no empty one in its place', async () => {
  const prefix = await feedOf(cloud.slice(0, 100));
  const topic = usageFeed.topic(prefix);
  const worker = work(prefix);
  await worker.caughtUp;
  await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }));
  await expect(worker.done).rejects.toMatchObject({ retry: 'never', facts: { topic } });
  const lost = { code: 'LOG_TOPIC_MISSING', facts: { topic } };
  await expect(work(prefix).done).rejects.toMatchObject(lost);
  expect(await log.offsets(topic)).toEqual([]);
});

test('a worker stops when its feed is repartitioned', async () => {
  const prefix = await feedOf(cloud.slice(0, 100));
  const topic = usageFeed.topic(prefix);
  const worker = work(prefix);
  await worker.caughtUp;
  const count = partitions + 1;
  await withAdmin(brokers, (admin) =>
    admin.createPartitions({ topicPartitions: [{ topic, count }] }),
  );
  const mismatch = { code: 'LOG_TOPIC_MISMATCH', facts: { topic } };
  await expect(worker.done).rejects.toMatchObject(mismatch);
  await expect(work(prefix).done).rejects.toMatchObject(mismatch);
});

test('a worker stops when retention eats what it has yet to read, while it runs and when it starts', async () => {
  const prefix = await feedOf(cloud.slice(0, 100));
  const topic = usageFeed.topic(prefix);
  const worker = work(prefix);
  await worker.caughtUp;
  // Its next batch waits for this lock, meanwhile what follows is lost.
  await using lock = await store.pool.getConnection();
  await lock.query('START TRANSACTION');
  await lock.query(
    `SELECT * FROM ${store.schema}.progress p JOIN ${store.schema}.generation g ON g.id = p.generation
     WHERE g.name = ? FOR UPDATE`,
    [prefix],
  );
  await append(prefix, cloud.slice(100, 300));
  const [first] = await log.offsets(topic);
  await dropRecords(brokers, topic, 0, first?.next ?? 0);
  const lost = { code: 'LOG_OFFSET_MISSING', facts: { topic, partition: 0 } };
  await expect(worker.done).rejects.toMatchObject(lost);
  await lock.query('ROLLBACK');
  await expect(work(prefix).done).rejects.toMatchObject(lost);
});

test(`work goes on while workers come and go every second and batches are slow (seed ${seed})`, async () => {
  const prefix = await feedOf(cloud);
  await using link = await FaultProxy.open(store.target);
  link.set({ latencyMs: 10 });
  const slow = { store: { ...store.target, port: link.port } };
  const limits = { memoryBytes: 100_000, untilMs: cloudEndMs };
  const worker = work(prefix, limits, slow);
  let [isOver, guests] = [false, 0];
  // It has no end of its own: what is seen meanwhile ends it.
  const storm = (async () => {
    for (; !isOver; guests++) {
      const { promise: assigned, resolve } = Promise.withResolvers<void>();
      const guest = work(prefix, limits, { ...slow, log: tellingAssignment(log, resolve) });
      // However long a rebalance takes on this machine, a second after one there is the next.
      await Promise.race([guest.done, assigned]);
      await Promise.race([guest.done, sleep(random.whole(700, 1300))]);
      guest.stop.abort();
      await guest.done;
    }
  })();
  for (let seen = await stands(prefix), steps = 0; steps < 5; steps++) {
    const before = guests;
    await expect
      .poll(async () => guests > before && (await stands(prefix)) > seen, {
        timeout: 40_000,
        message: `no record more after ${guests} guests`,
      })
      .toBe(true);
    seen = await stands(prefix);
  }
  isOver = true;
  link.set({});
  await storm;
  await worker.done;
  expect(guests).toBeGreaterThan(5);
  expect(await store.digest(prefix)).toEqual(whole);
});

/** The same log, which says when a member that joins by it has its partitions. */
const tellingAssignment = (over: EventLog, tell: () => void): EventLog =>
  new Proxy(over, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'join') return value.bind(target) as unknown;
      return (options: Parameters<EventLog['join']>[0]) => {
        const { handler } = options;
        const assigned: GroupHandler['assigned'] = async (given) => {
          const starts = await handler.assigned(given);
          tell();
          return starts;
        };
        return target.join({ ...options, handler: { ...handler, assigned } });
      };
    },
  });

/** Offsets that the tables have got to, of all partitions together. */
async function stands(prefix: string): Promise<number> {
  const [rows] = await store.pool.query<RowDataPacket[]>(
    `SELECT SUM(next_offset) AS n FROM ${store.schema}.progress p
     JOIN ${store.schema}.generation g ON g.id = p.generation WHERE g.name = ?`,
    [prefix],
  );
  return Number(rows[0]?.['n'] ?? 0);
}

test('from one worker to eight and back to two, every row is there once', async () => {
  const prefix = await feedOf(cloud.slice(0, 200));
  const first = work(prefix);
  await first.caughtUp;
  const more = Array.from({ length: 7 }, () => work(prefix));
  await append(prefix, cloud.slice(200, 500));
  await Promise.race([sleep(500), ...more.map(({ done }) => done)]);
  await append(prefix, cloud.slice(500));
  const end = [work(prefix, { untilMs: cloudEndMs }), work(prefix, { untilMs: cloudEndMs })];
  for (const one of [first, ...more]) one.stop.abort();
  await Promise.all([first, ...more, ...end].map(({ done }) => done));
  expect(await store.digest(prefix)).toEqual(whole);
});

test('offsets of the group in Kafka do not matter: a worker starts where its tables say', async () => {
  const prefix = await feedOf(cloud);
  const topic = usageFeed.topic(prefix);
  const ends = (await log.offsets(topic)).map(({ partition, next }) => ({
    partition,
    offset: `${next}`,
  }));
  const groupId = `${prefix}-aggregate-${prefix}`;
  await withAdmin(brokers, (admin) => admin.setOffsets({ groupId, topic, partitions: ends }));
  await work(prefix, { untilMs: cloudEndMs }).done;
  expect(await store.digest(prefix)).toEqual(whole);
});

test("another producer's open transaction is shown with its owner, whose next start ends it", async () => {
  const prefix = await feedOf(cloud);
  const topic = usageFeed.topic(prefix);
  const transactionalId = `${prefix}-stranger`;
  const stranger = await log.writer({ transactionalId });
  const transaction = await stranger.begin();
  const held = recordsOf(prefix, [watermark(cloudEndMs)]).filter(
    ({ partition }) => partition === 1,
  );
  await transaction.append(held);
  const worker = work(prefix, { untilMs: cloudEndMs });
  const values = async () => (await worker.metrics.feedHeldRecords.get()).values;
  await expect
    .poll(values, { timeout: 10_000 })
    .toMatchObject([{ labels: { partition: '1' }, value: 1 }]);
  expect(await log.openTransactions?.(topic)).toMatchObject([
    { partition: 1, transactionalId, held: 1 },
  ]);
  await (await log.writer({ transactionalId }))[Symbol.asyncDispose]();
  await worker.done;
  expect(await log.openTransactions?.(topic)).toEqual([]);
  await stranger[Symbol.asyncDispose]();
  expect(await store.digest(prefix)).toEqual(whole);
});

test('a store that was promoted without its last commits gets what it lost from the feed', async () => {
  const prefix = await feedOf(cloud.slice(0, 300));
  const worker = work(prefix, { untilMs: cloudEndMs });
  const isIdle = async () => {
    const offsets = await log.offsets(usageFeed.topic(prefix));
    return offsets.reduce((sum, { next }) => sum + next, 0) === (await stands(prefix));
  };
  await expect.poll(isIdle, { timeout: 30_000 }).toBe(true);
  await using copy = await StoreCopy.take(store.target, [store.schema]);
  const then = await stands(prefix);
  await append(prefix, cloud.slice(300, 600));
  await expect.poll(isIdle, { timeout: 30_000 }).toBe(true);
  expect(await stands(prefix)).toBeGreaterThan(then + 250);
  await copy.restore();
  await copy.cut();
  await append(prefix, cloud.slice(600));
  await worker.done;
  expect(await store.digest(prefix)).toEqual(whole);
  const retried = (await worker.metrics.retries.get()).values.map(({ labels }) => labels['code']);
  expect(retried).toContain('STORE_WENT_BACK');
});
