import { expect, test, vi } from 'vitest';
import { createMetrics } from '../../src/platform/metrics.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { day, firstDay, startSink, TestStore } from './sink-fixture.ts';
import { DatabaseProxy } from './sink-proxy.ts';

vi.setConfig({ testTimeout: 60_000 });

const isCopy = (statement: string) =>
  statement.includes('INSERT INTO') && statement.includes('`cloud_usage` (id');
const retries = async (metrics: ReturnType<typeof createMetrics>) =>
  (await metrics.retries.get()).values.map(({ labels }) => labels['code']);

async function closedDay(): Promise<TestStore> {
  const store = await TestStore.create();
  await store.addRows([{ account: '1' }, { account: '2' }]);
  await store.close(firstDay + day);
  return store;
}
const rows = (store: TestStore) => store.value('SELECT COUNT(*) FROM cu.cloud_usage');

test.concurrent.each([
  { why: 'never arrives', swallow: { forward: false } },
  { why: 'is never answered', swallow: { answer: false } },
])(
  'a publication that $why over a connection that is dead alone is noticed, and done once',
  async ({ swallow }) => {
    await using store = await closedDay();
    await using proxy = await DatabaseProxy.open(store.target);
    let swallowed = 0;
    proxy.watch = (statement, link) => {
      if (isCopy(statement) && swallowed++ === 0) Object.assign(link, swallow);
    };
    const metrics = createMetrics();
    await using sink = startSink(store, {}, { store: proxy.target, metrics });
    await sink.whenProgress(({ lastPublishedEndMs }) => lastPublishedEndMs === firstDay + day);
    expect(swallowed).toBe(2);
    expect(await retries(metrics)).toContain('STORE_UNREACHABLE');
    expect(await rows(store)).toBe('2');
  },
);

test.concurrent('a publication that takes longer than a lease is waited for', async () => {
  await using store = await closedDay();
  await store.sql(`CREATE TRIGGER us.slow BEFORE INSERT ON us.published_window FOR EACH ROW
    SET NEW.row_count = NEW.row_count + SLEEP(5)`);
  const metrics = createMetrics();
  await using sink = startSink(store, {}, { metrics });
  await sink.whenProgress(({ lastPublishedEndMs }) => lastPublishedEndMs === firstDay + day);
  expect(await retries(metrics)).toEqual([]);
});

test.concurrent(
  'a stand-by whose connections died without a word takes the lease that is free',
  async () => {
    await using store = await TestStore.create();
    await using link = await FaultProxy.open(store.target);
    await using leader = startSink(store, { pid: 1 });
    await leader.whenProgress((progress) => progress.leader);
    const metrics = createMetrics();
    const target = { ...store.target, host: '127.0.0.1', port: link.port };
    await using standBy = startSink(store, { pid: 2 }, { store: target, metrics });
    await standBy.whenProgress((progress) => !progress.leader);
    link.strand();
    await leader.stop();
    await store.addRows([{ account: '1' }, { account: '2' }]);
    await store.close(firstDay + day);
    await standBy.whenProgress(({ lastPublishedEndMs }) => lastPublishedEndMs === firstDay + day);
    expect(await retries(metrics)).toContain('STORE_UNREACHABLE');
    expect(await rows(store)).toBe('2');
  },
);

test.concurrent('a leader whose connections died without a word leads again', async () => {
  await using store = await TestStore.create();
  await using link = await FaultProxy.open(store.target);
  const metrics = createMetrics();
  const target = { ...store.target, host: '127.0.0.1', port: link.port };
  await using sink = startSink(store, {}, { store: target, metrics });
  await sink.whenProgress((progress) => progress.leader);
  link.strand();
  await store.addRows([{ account: '1' }, { account: '2' }]);
  await store.close(firstDay + day);
  await sink.whenProgress(({ lastPublishedEndMs }) => lastPublishedEndMs === firstDay + day);
  expect(await retries(metrics)).toContain('STORE_UNREACHABLE');
  expect(await rows(store)).toBe('2');
});
