import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import { presets } from '../../src/domain/quirks.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import { placed } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { CorrectionTeller } from '../support/correction-teller.ts';
import { testSeed } from '../support/seeded.ts';
import type { AggregateStore } from './aggregate-fixture.ts';

// Thousands of transactions: a busy machine may need a while.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let teller: CorrectionTeller;
const tell: CorrectionTeller['tell'] = (...args) => teller.tell(...args);
beforeAll(async () => {
  teller = await CorrectionTeller.create();
});
afterAll(() => teller[Symbol.asyncDispose]());

const { seed, random: source } = testSeed();

/** The same events, each before the first watermark: none is late. */
function inTime(cloud: readonly Draft[]): Draft[] {
  const last = cloud.at(-1);
  const quiet = cloud.slice(0, -1).map(({ account: of, json }) => ({
    account: of,
    json: { ...json, watermarkMs: null },
  }));
  return last ? [...quiet, last] : quiet;
}

describe.each(presets)('a cloud with many late events: %s', (preset) => {
  const cloud = smallCloud(() => source.next());

  test('rows and corrections add up to what it would be, had none been late', async () => {
    const { store, generation } = await tell(preset, cloud, { size: 50 });
    expect(await store.count('correction', `generation=${generation}`)).toBeGreaterThan(0);
    const recount = await tell(preset, inTime(cloud));
    expect(await store.count('event', `generation=${recount.generation} AND late`)).toBe(0);
    expect(await sums(store, generation), `seed ${seed}`).toEqual(
      await sums(store, recount.generation),
    );
  });

  test('a replay from the first record corrects nothing again', async () => {
    const { store, generation } = await tell(preset, cloud, { size: 50 });
    const checksum = async () =>
      (
        await store.pool.query(`CHECKSUM TABLE ${store.schema}.record, ${store.schema}.correction`)
      )[0];
    const before = await checksum();
    await resetGeneration(store.pool, store.schema, generation);
    await store.foldAll(generation, placed(cloud, 1), () => 170, { limits: { memoryBytes: 0 } });
    expect(await checksum()).toEqual(before);
  });
});

/** Rows and corrections by natural key, without zeros. */
async function sums(store: AggregateStore, generation: number): Promise<unknown> {
  const { schema, pool } = store;
  const [rows] = await pool.query(
    `SELECT natural_key, SUM(quantity) AS quantity FROM (
       SELECT natural_key, quantity FROM ${schema}.record WHERE generation=${generation} AND kind='usage'
       UNION ALL
       SELECT natural_key, delta FROM ${schema}.correction WHERE generation=${generation}) both_of_them
     GROUP BY natural_key HAVING SUM(quantity) <> 0 ORDER BY natural_key`,
  );
  return rows;
}
