import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { loadGeneration } from '../../src/sink/generation.ts';
import { isHeld, releaseLease, renewLease, takeLease } from '../../src/sink/lease.ts';
import type { Lease } from '../../src/sink/lease.ts';
import { publishWindow } from '../../src/sink/publish-window.ts';
import { Session } from '../../src/sink/session.ts';
import { storeTables } from '../../src/sink/store-tables.ts';
import { usageRecords, usageWindows } from '../../streams/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { SinkTopics } from '../support/sink-topics.ts';
import { StoreCopy } from '../support/store-copy.ts';
import { day, firstDay, partitions, startSink, TestStore } from './sink-fixture.ts';

let store: TestStore;
let link: FaultProxy;
beforeEach(async () => {
  store = await TestStore.create();
  link = await FaultProxy.open(store.target);
  await foldDay(0);
});
afterEach(async () => {
  await link[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

/** What workers make of a day, once and again. */
async function foldDay(n: number): Promise<void> {
  const startMs = firstDay + n * day;
  await store.addRows(['1', '2', '3'].map((account) => ({ account, startMs })));
  await store.close(startMs + day);
}

const copyStore = () => StoreCopy.take(store.target, [store.schema, store.cloudUsage]);
const linked = () => ({ store: { ...store.target, port: link.port } });
const publishedRows = () => store.sql('SELECT * FROM cu.cloud_usage ORDER BY id');
const jobs = () =>
  store.sql(`SELECT id, start_millis, end_millis FROM cu.usage_job WHERE success = 1 ORDER BY id`);

/** Resolves when so many windows are published and the topics have all of them. */
const whenPublished = (windows: number) =>
  expect
    .poll(
      () =>
        store.sql(`SELECT (SELECT COUNT(*) FROM us.published_window) AS windows,
          (SELECT COUNT(*) FROM us.outbox) AS waiting`),
      { timeout: 15_000 },
    )
    .toEqual([{ windows: String(windows), waiting: '0' }]);

/** The server is lost, and another takes its place that has only what was copied. */
async function failOver(copy: StoreCopy, schemas?: readonly string[]): Promise<void> {
  link.set({ refuse: true });
  link.reset();
  await copy.restore(schemas);
  link.set({});
}

test('windows whose publication was lost with the server are published again, with the same rows and records', async () => {
  await using topics = await SinkTopics.open(store.suffix);
  const io = { ...linked(), log: topics.log };
  await using _first = startSink(store, { pid: 1 }, io);
  await using _second = startSink(store, { pid: 2 }, io);
  await whenPublished(1);
  await using copy = await copyStore();
  await foldDay(1);
  await foldDay(2);
  await whenPublished(3);
  const [rows, finished] = [await publishedRows(), await jobs()];
  expect(rows).toHaveLength(9);
  await failOver(copy);
  expect(await publishedRows()).toHaveLength(3);
  await foldDay(1);
  await foldDay(2);
  await whenPublished(3);
  expect(await publishedRows()).toEqual(rows);
  expect((await jobs()).map((job) => job['end_millis'])).toEqual(
    finished.map((job) => job['end_millis']),
  );
  const records = await topics.everything(usageRecords);
  const told = Map.groupBy(records, ({ key }) => String(key));
  expect(told.size).toBe(9);
  expect(records).toHaveLength(3 + 2 * 6);
  for (const same of told.values())
    expect(new Set(same.map(({ value }) => String(value))).size).toBe(1);
  const windows = await topics.everything(usageWindows);
  expect(windows).toHaveLength(5);
});

test('our tables alone, of before a publication, are refused: no row is published twice', async () => {
  const sink = startSink(store, {}, linked());
  await whenPublished(1);
  await using copy = await copyStore();
  await foldDay(1);
  await whenPublished(2);
  const rows = await publishedRows();
  await failOver(copy, [store.schema]);
  await foldDay(1);
  await expect(sink.done).rejects.toMatchObject({ code: 'SINK_WINDOW_BILLED' });
  expect(await publishedRows()).toEqual(rows);
});

test('of two sinks with one epoch, because the store has lost a lease, the one that it knows publishes', async () => {
  const t = storeTables(store.schema, store.cloudUsage);
  const request = { schema: store.schema, leaseMs: 60_000 };
  await using control = await Session.open(store.target, 2);
  await using lostWork = await Session.open(store.target, 2);
  await using knownWork = await Session.open(store.target, 2);
  await using copy = await copyStore();
  const lost = await takeLease(control, t, { ...request, owner: 'a', publishing: lostWork });
  // Named locks end with their server.
  await lostWork.rows('DO RELEASE_ALL_LOCKS()');
  await copy.restore();
  const known = await takeLease(control, t, { ...request, owner: 'b', publishing: knownWork });
  if (!lost || !known) throw new Error('a free lease was refused');
  expect(known.epoch).toBe(lost.epoch);
  const fenced = { code: 'SINK_FENCED' };
  await expect(publish(lostWork, lost)).rejects.toMatchObject(fenced);
  await expect(renewLease(control, t, lost, 60_000)).rejects.toMatchObject(fenced);
  expect(await isHeld(control, t, lost)).toBe(false);
  await releaseLease(control, t, lost);
  expect(await isHeld(control, t, known)).toBe(true);
  expect(await publish(knownWork, known)).toMatchObject({ rows: { rows: 3 } });
});

async function publish(work: Session, lease: Lease) {
  const t = storeTables(store.schema, store.cloudUsage);
  const generation = await loadGeneration(work, t, { name: 'g1', feedPartitions: partitions });
  if (!generation) throw new Error('no generation');
  const { cloudUsage: cloudUsageSchema } = store;
  const target = { mode: 'shadow' } as const;
  return publishWindow(
    { work, t, lease, generation, cloudUsageSchema, target, outbox: true, clock: systemClock },
    { startMs: firstDay, endMs: firstDay + day },
  );
}
