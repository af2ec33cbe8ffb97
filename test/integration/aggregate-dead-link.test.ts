import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { claimPartition } from '../../src/aggregate/claim.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import { placed } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { testSeed } from '../support/seeded.ts';
import { AggregateStore, batches, calm } from './aggregate-fixture.ts';
import { DatabaseProxy } from './sink-proxy.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const { seed, random } = testSeed();
const answerMs = 500;
let store: AggregateStore;
let direct: MysqlTarget;
let cloud: Draft[];
let whole: { rows: number; digest: string };

beforeAll(async () => {
  // The preset in which an event that is folded twice bills twice.
  store = await AggregateStore.create('java-4.23');
  direct = store.target;
  cloud = smallCloud(() => random.next());
  const generation = await store.generation('whole', 1);
  await store.foldAll(generation, placed(cloud, 1), () => Infinity);
  whole = await store.digest('whole');
});
afterAll(() => store[Symbol.asyncDispose]());

test(`a worker whose connection dies without a word, at any step, folds on over a new one (seed ${seed})`, async () => {
  const generation = await store.generation('dead', 1);
  await using link = await FaultProxy.open(direct);
  store.target = { ...direct, port: link.port, answerMs };
  const worker = await store.worker(generation, 0, { limits: { splitLength: 0 } });
  const [log = []] = placed(cloud, 1);
  const all = [...batches(0, log, () => Math.ceil(log.length / 4))];
  const retried = { room: 'aggregate', code: 'STORE_UNREACHABLE' };
  let beats = 0;
  const heartbeat = async () => {
    if (++beats % 40 === 0) link.strand();
  };
  for (const [at, batch] of all.entries()) {
    if (at > 0) link.strand();
    await worker.handle(batch, { ...calm, heartbeat });
  }
  expect(await store.metric('platform_retries_total', retried)).toBeGreaterThan(all.length - 2);
  expect(await store.digest('dead')).toEqual(whole);
});

test.each(['SET SESSION', 'schema_version', 'PROCESSLIST', 'UPDATE progress', 'SELECT epoch'])(
  'a claim whose %s is never answered is given up, and can be made again',
  async (statement) => {
    const generation = await store.generation(`claim of ${statement}`, 1);
    await using proxy = await DatabaseProxy.open(direct);
    proxy.watch = (sent, link) => {
      if (sent.includes(statement)) link.answer = false;
    };
    const [made] = await store.rows<{ created_at: string }>('generation', `WHERE id=${generation}`);
    const claim = { schema: store.schema, generation, madeAt: String(made?.created_at) };
    const of = { ...claim, partition: 0, owner: 'test', epoch: null };
    const dead = { ...proxy.target, answerMs };
    await expect(claimPartition({ ...of, target: dead })).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
    });
    const { store: held } = await claimPartition({ ...of, target: direct });
    await held.begin(0, 1);
    held.destroy();
  },
);
