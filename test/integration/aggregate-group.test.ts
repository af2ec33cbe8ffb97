import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runAggregate } from '../../src/aggregate/aggregate.ts';
import type { AggregateIo, AggregateOptions } from '../../src/aggregate/aggregate.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { usageFeed } from '../../streams/index.ts';
import { cloudEndMs, smallCloud } from '../support/aggregate-cloud.ts';
import { hour, placed, start, watermark } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { startWorkerProcess } from '../support/aggregate-process.ts';
import type { WorkerProcess } from '../support/aggregate-process.ts';
import { testSeed } from '../support/seeded.ts';
import { randomSuffix, servers } from '../support/servers.ts';
import { AggregateStore, rules } from './aggregate-fixture.ts';

// A dead member's session has to run out before others get its partitions.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const { seed, random } = testSeed();
const partitions = 4;
let store: AggregateStore;
let log: EventLog;
let cloud: Draft[];
let whole: { rows: number; digest: string };
/** Prefix whose feed holds the whole story. */
let prefix: string;

beforeAll(async () => {
  store = await AggregateStore.create('java-4.23');
  log = await openKafkaLog({
    brokers: servers().kafkaBrokers,
    clientId: 'aggregate-test',
    logger: store.logger,
  });
  cloud = smallCloud(() => random.next());
  prefix = await feedOf(cloud);
  const generation = await store.generation('whole', 1);
  await store.foldAll(generation, placed(cloud, 1), () => Infinity);
  whole = await store.digest('whole');
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await log[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

/** Writes drafts to a feed of its own, in many transactions; its prefix. */
async function feedOf(drafts: readonly Draft[]): Promise<string> {
  const name = `t${randomSuffix()}`;
  await log.ensureTopics(name, [usageFeed], partitions);
  await append(name, drafts);
  return name;
}

async function append(name: string, drafts: readonly Draft[]): Promise<void> {
  await using writer = await log.writer({ transactionalId: `${name}-test` });
  const records = placed(drafts, partitions).flatMap((one, partition) =>
    one.map(({ key, value }) => ({ topic: usageFeed.topic(name), partition, key, value })),
  );
  for (let at = 0; at < records.length; at += 200) {
    const transaction = await writer.begin();
    await transaction.append(records.slice(at, at + 200));
    await transaction.commit();
  }
}

const optionsOf = (generation: string, more: Partial<AggregateOptions> = {}): AggregateOptions => ({
  ...rules,
  schema: store.schema,
  generation,
  prefix,
  feedPartitions: partitions,
  preset: 'java-4.23',
  quirkOverrides: {},
  sessionTimeoutMs: 6000,
  ...more,
});

const ioOf = (signal: AbortSignal, more: Partial<AggregateIo> = {}): AggregateIo => ({
  log,
  store: store.target,
  logger: store.logger,
  metrics: store.metrics,
  clock: systemClock,
  signal,
  ...more,
});

const children: WorkerProcess[] = [];

/** Starts a worker process that has stopped itself in the middle of its work. */
async function stoppedWorker(options: AggregateOptions): Promise<WorkerProcess> {
  const child = startWorkerProcess(options, 1);
  children.push(child);
  await child.stopped();
  return child;
}

const never = new AbortController().signal;

test(`one worker folds the feed up to a time and returns (seed ${seed})`, async () => {
  const seen = new Set<number>();
  const io = ioOf(never, { onProgress: ({ partition }) => seen.add(partition) });
  await runAggregate(optionsOf('one', { untilMs: cloudEndMs }), io);
  expect(await store.digest('one')).toEqual(whole);
  expect([...seen].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
});

test('workers that join share the partitions; those that stay take over from one that leaves', async () => {
  const shared = await feedOf(cloud);
  const options = optionsOf('shared', { prefix: shared });
  const end = watermark(cloudEndMs + hour);
  const join = () => {
    const stop = new AbortController();
    const seen = new Set<number>();
    const io = ioOf(stop.signal, { onProgress: ({ partition }) => seen.add(partition) });
    return { seen, stop, running: runAggregate(options, io) };
  };
  /** Keeps the feed going until something is so. */
  const feedUntil = async (isSo: () => boolean) => {
    while (!isSo()) await append(shared, [end]);
  };
  const first = join();
  await feedUntil(() => first.seen.size === partitions);
  const second = join();
  await feedUntil(() => second.seen.size > 0);
  first.seen.clear();
  second.seen.clear();
  await feedUntil(() => first.seen.size + second.seen.size >= partitions);
  expect(first.seen.size).toBeGreaterThan(0);
  expect(second.seen.size).toBeGreaterThan(0);
  second.stop.abort();
  await second.running;
  first.seen.clear();
  await feedUntil(() => first.seen.size === partitions);
  first.stop.abort();
  await first.running;
  expect(await store.digest('shared')).toEqual(whole);
});

test('a worker killed with SIGKILL in the middle: another finishes, with the same rows', async () => {
  const options = optionsOf('killed', { untilMs: cloudEndMs, memoryBytes: 100_000 });
  const victim = await stoppedWorker(options);
  victim.kill('SIGKILL');
  expect(await victim.ended).toMatchObject({ how: 'SIGKILL' });
  expect(await store.digest('killed')).not.toEqual(whole);
  await runAggregate(options, ioOf(never));
  expect(await store.digest('killed')).toEqual(whole);
});

test('a worker frozen beyond its session is replaced, and finds so when it goes on', async () => {
  const options = optionsOf('frozen', { untilMs: cloudEndMs });
  const frozen = await stoppedWorker(options);
  await runAggregate(options, ioOf(never));
  expect(await store.digest('frozen')).toEqual(whole);
  frozen.resume();
  // It rejoins, sees that all is closed, and ends well.
  expect(await frozen.ended).toMatchObject({ how: 0 });
  expect(await store.digest('frozen')).toEqual(whole);
});

test('a worker told to stop ends with code 0 and loses nothing', async () => {
  const options = optionsOf('stopped', { untilMs: cloudEndMs });
  const stopped = await stoppedWorker(options);
  stopped.kill('SIGTERM');
  stopped.resume();
  expect(await stopped.ended).toMatchObject({ how: 0 });
  await runAggregate(options, ioOf(never));
  expect(await store.digest('stopped')).toEqual(whole);
});

test('what a generation was made with cannot be changed', async () => {
  const changes: Partial<AggregateOptions>[] = [
    { window: { rangeMinutes: 1440, timeZone: 'GMT' } },
    { window: { rangeMinutes: 60, timeZone: 'Europe/Berlin' } },
    { closeDelayMs: 1 },
    { preset: 'correct' },
    { quirkOverrides: { duplicateOpens: false } },
    { prefix: await feedOf([]) },
  ];
  for (const change of changes)
    await expect(runAggregate(optionsOf('one', change), ioOf(never))).rejects.toMatchObject({
      code: 'GENERATION_MISMATCH',
    });
});

test('a feed that lost what comes next stops the worker', async () => {
  const options = optionsOf('lost feed');
  const generation = await store.generation('lost feed', partitions);
  await store.pool.query(
    `UPDATE ${store.schema}.generation SET feed_topic='${usageFeed.topic(prefix)}' WHERE id=${generation}`,
  );
  await store.pool.query(
    `UPDATE ${store.schema}.progress SET next_offset=1000000 WHERE generation=${generation}`,
  );
  await expect(runAggregate(options, ioOf(never))).rejects.toMatchObject({
    code: 'LOG_OFFSET_MISSING',
  });
});

test('a schema that is missing or newer, and a wrong password, are told at once', async () => {
  const run = (more: Partial<AggregateOptions>, io: Partial<AggregateIo> = {}) =>
    // Of a process that has not worked before: else it would wait for the password to be right again.
    runAggregate(optionsOf('x', more), ioOf(never, { metrics: createMetrics(), ...io }));
  await expect(run({ schema: 'no_such_schema' })).rejects.toMatchObject({
    code: 'STORE_SCHEMA_MISSING',
  });
  await expect(run({}, { store: { ...store.target, password: 'wrong' } })).rejects.toMatchObject({
    code: 'STORE_ACCESS_DENIED',
  });
  await store.pool.query(`INSERT INTO ${store.schema}.schema_version (version) VALUES (9999)`);
  await expect(run({})).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER' });
  await store.pool.query(`DELETE FROM ${store.schema}.schema_version WHERE version=9999`);
});

test('a store that cannot be reached is tried again until the signal aborts', async () => {
  const stop = new AbortController();
  const before = await store.metric('platform_retries_total', { code: 'STORE_UNREACHABLE' });
  const running = runAggregate(
    optionsOf('x'),
    ioOf(stop.signal, { store: { ...store.target, port: 1 } }),
  );
  await expect
    .poll(() => store.metric('platform_retries_total', { code: 'STORE_UNREACHABLE' }), {
      timeout: 20_000,
    })
    .toBeGreaterThan(before + 1);
  stop.abort();
  await running;
});

test('a live feed: windows close as the watermark comes', async () => {
  const live = await feedOf(cloud.slice(0, 40));
  const stop = new AbortController();
  const closed = Promise.withResolvers<void>();
  const running = runAggregate(
    optionsOf('live', { prefix: live }),
    ioOf(stop.signal, {
      onProgress: ({ closedUntilMs }) => {
        if (closedUntilMs === start + 96 * hour) closed.resolve();
      },
    }),
  );
  await append(live, [watermark(start + 97 * hour)]);
  await closed.promise;
  stop.abort();
  await running;
});
