import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMetrics } from '../../src/platform/metrics.ts';
import { schemaVersion } from '../../src/platform/migrate.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import { hour, logRecord, placed, start, watermark } from '../support/aggregate-feed.ts';
import { testSeed } from '../support/seeded.ts';
import { AggregateStore, batchOf, calm } from './aggregate-fixture.ts';
import { day, firstDay, startSink, TestStore } from './sink-fixture.ts';

const { random } = testSeed();
const newer = { code: 'STORE_SCHEMA_NEWER' };
let store: AggregateStore;
beforeAll(async () => {
  store = await AggregateStore.create('java-4.23');
});
afterAll(() => store[Symbol.asyncDispose]());

test('a worker of an older build claims nothing once a newer one has migrated', async () => {
  const generation = await store.generation('migrated', 1);
  const worker = await store.worker(generation, 0);
  const [before] = await store.rows('progress', `WHERE generation=${generation}`);
  const version = `${store.schema}.schema_version`;
  await store.pool.query(`INSERT INTO ${version} (version) VALUES (${schemaVersion + 1})`);
  try {
    await expect(store.worker(generation, 0)).rejects.toMatchObject(newer);
    expect(await store.rows('progress', `WHERE generation=${generation}`)).toEqual([before]);
  } finally {
    await store.pool.query(`DELETE FROM ${version} WHERE version > ${schemaVersion}`);
  }
  await worker.close();
});

test('a state that a newer build wrote stops an older worker, and stays as it is', async () => {
  const generation = await store.generation('newer state', 1);
  const [log = []] = placed(
    smallCloud(() => random.next()),
    1,
  );
  await store.foldAll(generation, [log], () => Infinity);
  const { schema } = store;
  await store.pool.query(
    `UPDATE ${schema}.account_state SET state = REPLACE(state, '"version":1', '"version":2')
     WHERE generation=${generation}`,
  );
  const state = () => store.rows('account_state', `WHERE generation=${generation}`);
  const before = await state();
  const worker = await store.worker(generation, 0);
  const next = batchOf(0, [logRecord(1_000_000, watermark(start + 200 * hour))]);
  await expect(worker.handle(next, calm)).rejects.toMatchObject(newer);
  expect(await state()).toEqual(before);
  expect(await store.count('dead_letter', `generation=${generation} AND reason='FOLD_BUG'`)).toBe(
    0,
  );
});

test('a sink of an older build publishes nothing once a newer one has migrated', async () => {
  await using own = await TestStore.create();
  await own.sql(`INSERT INTO us.schema_version (version) VALUES (${schemaVersion + 1})`);
  await own.addRows([{ account: '1' }]);
  await own.close(firstDay + day);
  await expect(startSink(own, {}, { metrics: createMetrics() }).done).rejects.toMatchObject(newer);
  expect(await own.value('SELECT COUNT(*) FROM us.published_window')).toBe('0');
});
