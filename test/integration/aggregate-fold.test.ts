import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import { placed } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { testSeed } from '../support/seeded.ts';
import { AggregateStore, batchOf, calm } from './aggregate-fixture.ts';

// Thousands of transactions: a busy machine may need a while.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const { seed, random: source } = testSeed();
const random = () => source.next();
let store: AggregateStore;
let cloud: Draft[];
let whole: { rows: number; digest: string };

beforeAll(async () => {
  // The preset in which an event that is folded twice bills twice.
  store = await AggregateStore.create('java-4.23');
  cloud = smallCloud(random);
  const generation = await store.generation('whole', 1);
  await store.foldAll(generation, placed(cloud, 1), () => Infinity);
  whole = await store.digest('whole');
});
afterAll(() => store[Symbol.asyncDispose]());

test(`the story has rows, late events and details (seed ${seed})`, async () => {
  expect(whole.rows).toBeGreaterThan(1000);
  expect(await store.count('record', 'cpu_cores = 2')).toBeGreaterThan(0);
  expect(await store.count('late_event')).toBeGreaterThan(0);
  expect(await store.count('dead_letter')).toBe(0);
});

test.each([
  { name: 'record by record', partitions: 1, size: () => 1, limits: {} },
  { name: 'any batches, 3 partitions', partitions: 3, size: () => random() * 40, limits: {} },
  { name: 'any batches, 8 partitions', partitions: 8, size: () => random() * 200, limits: {} },
  {
    name: 'nothing held in memory, everything read back',
    partitions: 2,
    size: () => random() * 100,
    limits: { memoryBytes: 0, pageEvents: 3, pageAccounts: 4 },
  },
  {
    name: 'every page a transaction of its own',
    partitions: 2,
    size: () => random() * 100,
    limits: { splitLength: 0, pageAccounts: 2, unitLength: 2000 },
  },
])('the same rows: $name', async ({ name, partitions, size, limits }) => {
  const generation = await store.generation(name, partitions);
  await store.foldAll(generation, placed(cloud, partitions), size, { limits });
  expect(await store.digest(name), `seed ${seed}`).toEqual(whole);
});

test('the same rows when the worker is replaced after every batch', async () => {
  const generation = await store.generation('replaced', 1);
  const [log = []] = placed(cloud, 1);
  for (let at = 0; at < log.length; at += 60) {
    const worker = await store.worker(generation, 0);
    // The new owner is handed records that are stored already: it knows by their offset.
    await worker.handle(batchOf(0, log.slice(Math.max(0, at - 20), at + 60)), calm);
    await worker.close();
  }
  expect(await store.digest('replaced')).toEqual(whole);
});

test('a replay from the first offset changes no row', async () => {
  const [generation] = await store.rows<{ id: number }>('generation', `WHERE name = 'whole'`);
  const checksum = async () =>
    (await store.pool.query(`CHECKSUM TABLE ${store.schema}.record, ${store.schema}.event`))[0];
  const before = await checksum();
  await resetGeneration(store.pool, store.schema, generation?.id ?? 0);
  const sizes = () => random() * 150;
  await store.foldAll(generation?.id ?? 0, placed(cloud, 1), sizes, { limits: { memoryBytes: 0 } });
  expect(await checksum()).toEqual(before);
  expect(await store.digest('whole')).toEqual(whole);
});
