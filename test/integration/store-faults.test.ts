import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMetrics } from '../../src/platform/metrics.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import { placed } from '../support/aggregate-feed.ts';
import { testSeed } from '../support/seeded.ts';
import { AggregateStore, batches, calm } from './aggregate-fixture.ts';
import { day, firstDay, publishUntil, TestStore } from './sink-fixture.ts';
import { DatabaseProxy } from './sink-proxy.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** What a server says of a statement that a later try may pass; one of each kind of store-fault.ts. */
const passing = [
  { errno: 1213, why: 'a deadlock' },
  { errno: 1205, why: 'a lock wait timeout' },
  { errno: 1290, why: 'a read-only fail-over' },
  { errno: 1114, why: 'a full table space' },
  { errno: 1153, why: 'a packet that is too large' },
  { errno: 1180, why: 'a commit that a cluster did not certify' },
];

describe('a sink', () => {
  let store: TestStore;
  let proxy: DatabaseProxy;
  beforeEach(async () => {
    store = await TestStore.create();
    proxy = await DatabaseProxy.open(store.target);
    await store.addRows([{ account: '1' }, { account: '2' }]);
    await store.close(firstDay + day);
  });
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  test.each(passing)('publishes a window once, whole, over $why ($errno)', async ({ errno }) => {
    const isCopy = (statement: string) =>
      statement.includes('INSERT INTO') && statement.includes('`cloud_usage` (id');
    let refusals = 0;
    proxy.watch = (statement, link) => {
      // At the first publication in its middle, at the second at its end.
      const due = refusals === 0 ? isCopy(statement) : statement.startsWith('COMMIT');
      if (refusals === 2 || !due || !link.sent.some(isCopy)) return;
      refusals++;
      link.refuse(errno);
    };
    const metrics = createMetrics();
    await publishUntil(store, firstDay + day, {}, { store: proxy.target, metrics });
    expect(refusals).toBe(2);
    expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('2');
    expect(await store.value('SELECT COUNT(*) FROM cu.usage_job WHERE success = 1')).toBe('1');
    expect(await store.value('SELECT COUNT(*) FROM us.published_window')).toBe('1');
    expect((await metrics.retries.get()).values.length).toBeGreaterThan(0);
    expect(metrics.faults.list()).toEqual([]);
  });
});

describe('a worker', () => {
  const { seed, random } = testSeed();
  const [log = []] = placed(smallCloud(() => random.next()).slice(0, 400), 1);
  let store: AggregateStore;
  let whole: unknown;
  beforeAll(async () => {
    store = await AggregateStore.create('java-4.23');
    await store.foldAll(await store.generation('whole', 1), [log], () => Infinity);
    whole = await store.digest('whole');
  });
  afterAll(() => store[Symbol.asyncDispose]());

  test.each(passing)(
    `folds the same rows over $why ($errno), at any statement (seed ${seed})`,
    async ({ errno }) => {
      const name = `over ${errno}`;
      const generation = await store.generation(name, 1);
      const { target } = store;
      await using proxy = await DatabaseProxy.open(target);
      store.target = proxy.target;
      let statements = 0;
      let refusals = 0;
      let next = 3;
      proxy.watch = (statement, link) => {
        // Ever later ones: a batch has to pass some time.
        if (!/^(INSERT|UPDATE|COMMIT)/.test(statement) || ++statements !== next) return;
        refusals++;
        next = 2 * statements + refusals;
        link.refuse(errno);
      };
      try {
        const worker = await store.worker(generation, 0, { limits: { unitLength: 20_000 } });
        for (const batch of batches(0, log, () => 80)) await worker.handle(batch, calm);
        await worker.close();
      } finally {
        store.target = target;
      }
      expect(refusals).toBeGreaterThan(1);
      expect(await store.digest(name)).toEqual(whole);
    },
  );
});
