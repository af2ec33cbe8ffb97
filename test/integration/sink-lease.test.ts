import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { renewLease, takeLease } from '../../src/sink/lease.ts';
import type { Lease } from '../../src/sink/lease.ts';
import { loadGeneration } from '../../src/sink/generation.ts';
import { publishWindow } from '../../src/sink/publish-window.ts';
import type { PublishContext } from '../../src/sink/publish-window.ts';
import { Session } from '../../src/sink/session.ts';
import { storeTables } from '../../src/sink/store-tables.ts';
import { day, firstDay, partitions, publishUntil, startSink, TestStore } from './sink-fixture.ts';
import { DatabaseProxy } from './sink-proxy.ts';

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

const published = async () => ({
  rows: Number(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')),
  distinct: Number(
    await store.value('SELECT COUNT(DISTINCT account_id, start_date) FROM cu.cloud_usage'),
  ),
  finished: Number(await store.value('SELECT COUNT(*) FROM cu.usage_job WHERE success = 1')),
  open: Number(await store.value('SELECT COUNT(*) FROM cu.usage_job WHERE end_millis = 0')),
  windows: Number(await store.value('SELECT COUNT(*) FROM us.published_window')),
});
const once = { rows: 2, distinct: 2, finished: 1, open: 1, windows: 1 };
const isCopy = (statement: string) =>
  statement.includes('INSERT INTO') && statement.includes('`cloud_usage` (id');

test.each([
  { why: 'a commit whose answer is lost counts', reaches: true },
  { why: 'a commit that never reaches the server does not count', reaches: false },
])('$why, and the window is published once', async ({ reaches }) => {
  let cuts = 0;
  proxy.watch = (statement, link) => {
    if (!statement.startsWith('COMMIT') || !link.sent.some(isCopy) || cuts > 0) return;
    cuts++;
    link.forward = reaches;
    link.answer = false;
    if (reaches) link.server.on('data', () => link.client.destroy());
    else link.client.destroy();
  };
  const metrics = createMetrics();
  await publishUntil(store, firstDay + day, {}, { store: proxy.target, metrics });
  expect(cuts).toBe(1);
  expect(await published()).toEqual(once);
  const { values } = await metrics.retries.get();
  expect(values.map((v) => v.labels['code'])).toContain('STORE_UNREACHABLE');
});

test('a KILL of the publishing connection between two statements loses and doubles nothing', async () => {
  let killed = false;
  proxy.watch = (statement, link) => {
    if (!isCopy(statement) || killed) return;
    killed = true;
    link.forward = false; // the statement waits until the connection is gone
    void store
      .sql(`SELECT IS_USED_LOCK(CONCAT('sink:', LEFT(SHA2(?, 256), 32), ':1')) AS id`, [
        store.schema,
      ])
      .then(([row]) => store.sql(`KILL ${Number(row?.['id'])}`));
  };
  await publishUntil(store, firstDay + day, {}, { store: proxy.target });
  expect(killed).toBe(true);
  expect(await published()).toEqual(once);
});

test('of two sinks one publishes; when it is stopped the other takes over and goes on', async () => {
  const metrics = [createMetrics(), createMetrics()] as const;
  const leads = async (i: 0 | 1) => (await metrics[i].sinkLeader.get()).values[0]?.value === 1;
  const first = startSink(store, { pid: 1 }, { metrics: metrics[0] });
  await using second = startSink(store, { pid: 2 }, { metrics: metrics[1] });
  const isDone = (p: { lastPublishedEndMs: number | null }) =>
    p.lastPublishedEndMs === firstDay + day;
  await Promise.all([first.whenProgress(isDone), second.whenProgress(isDone)]);
  expect(await Promise.all([leads(0), leads(1)])).toContain(false);
  expect(await published()).toEqual(once);
  const [leader, other] = (await leads(0)) ? [first, second] : [second, first];
  await leader.stop();
  await store.addRows([{ account: '1', startMs: firstDay + day }]);
  await store.close(firstDay + 2 * day);
  await other.whenProgress((p) => p.leader && p.lastPublishedEndMs === firstDay + 2 * day);
  await other.stop();
  expect(await published()).toEqual({ rows: 3, distinct: 3, finished: 2, open: 1, windows: 2 });
  expect(await store.value(`SELECT epoch FROM us.lease WHERE name = 'sink'`)).toBe('2');
});

test('sinks that end at a time all end, whoever did the work', async () => {
  await store.close(firstDay + 2 * day);
  await Promise.all([1, 2, 3].map((pid) => publishUntil(store, firstDay + 2 * day, { pid })));
  expect(await published()).toEqual({ ...once, finished: 2, windows: 2 });
});

test('a sink that starts before the generation is made waits for it', async () => {
  await store.sql('CREATE TABLE us.later AS SELECT * FROM us.generation');
  await store.sql('DELETE FROM us.generation');
  const metrics = createMetrics();
  const messages: string[] = [];
  const stream = { write: (line: string) => void messages.push(line) };
  const sink = startSink(store, { untilMs: firstDay + day }, { metrics, logger: pino({}, stream) });
  while (!messages.some((line) => line.includes('waited for the generation')))
    await new Promise((resolve) => setTimeout(resolve, 10));
  await store.sql('INSERT INTO us.generation SELECT * FROM us.later');
  await sink.done;
  expect(await published()).toEqual(once);
});

test('a leader that freezes within its transaction is replaced, its locks are broken', async () => {
  const frozen = new Promise<void>((resolve) => {
    proxy.watch = (statement, link) => {
      if (!isCopy(statement)) return;
      link.forward = false;
      proxy.freeze();
      resolve();
    };
  });
  await using first = startSink(store, { pid: 1 }, { store: proxy.target });
  await frozen;
  await using second = startSink(store, { pid: 2 });
  await second.whenProgress((p) => p.leader && p.lastPublishedEndMs === firstDay + day);
  await second.stop();
  expect(await published()).toEqual(once);
  expect(await store.value('SELECT pid FROM cu.usage_job WHERE success = 1')).toBe(2);
  await first.stop();
  expect(await published()).toEqual(once);
});

test('an older epoch can neither renew nor publish, and its connection is ended', async () => {
  const t = storeTables(store.schema, store.cloudUsage);
  await using control = await Session.open(store.target, 2);
  await using oldWork = await Session.open(store.target, 2);
  await using newWork = await Session.open(store.target, 2);
  const request = { schema: store.schema, leaseMs: 60_000 };
  const old = await takeLease(control, t, { ...request, owner: 'a', publishing: oldWork });
  if (!old) throw new Error('a free lease was refused');
  const rival = { ...request, owner: 'b', publishing: newWork };
  expect(await takeLease(control, t, rival)).toBeNull();
  await renewLease(control, t, old, 60_000);
  await store.sql(
    `UPDATE us.lease SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 MICROSECOND WHERE name = 'sink'`,
  );
  const young = await takeLease(control, t, rival);
  expect(young?.epoch).toBe('2');
  await expect(oldWork.rows('SELECT 1')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  await expect(renewLease(control, t, old, 60_000)).rejects.toMatchObject({ code: 'SINK_FENCED' });
  // the older epoch on a connection that nobody killed
  const late = publish(newWork, old, firstDay);
  await expect(late).rejects.toMatchObject({ code: 'SINK_FENCED' });
  expect(await store.value('SELECT COUNT(*) FROM us.published_window')).toBe('0');
});

test('a window that was published between the look and the fence is left alone, and so are earlier ones', async () => {
  const t = storeTables(store.schema, store.cloudUsage);
  await using control = await Session.open(store.target, 2);
  await using publishing = await Session.open(store.target, 2);
  const request = { schema: store.schema, leaseMs: 60_000, owner: 'a', publishing };
  const lease = await takeLease(control, t, request);
  if (!lease) throw new Error('a free lease was refused');
  expect(await publish(publishing, lease, firstDay)).toMatchObject({ rows: { rows: 2 } });
  expect(await publish(publishing, lease, firstDay)).toBeNull();
  expect(await publish(publishing, lease, firstDay - day)).toBeNull();
  expect(await store.value('SELECT COUNT(*) FROM us.outbox')).toBe('1');
});

async function publish(work: Session, lease: Lease, startMs: number) {
  const t = storeTables(store.schema, store.cloudUsage);
  const generation = await loadGeneration(work, t, { name: 'g1', feedPartitions: partitions });
  if (!generation) throw new Error('no generation');
  const context: PublishContext = {
    work,
    t,
    lease,
    generation,
    cloudUsageSchema: store.cloudUsage,
    target: { mode: 'shadow' },
    outbox: true,
    clock: systemClock,
  };
  return publishWindow(context, { startMs, endMs: startMs + day });
}

test('a stop in the middle of a publication gives everything back', async () => {
  const copying = new Promise<void>((resolve) => {
    proxy.watch = (statement, link) => {
      if (!isCopy(statement)) return;
      link.forward = false; // it never ends
      resolve();
    };
  });
  const first = startSink(store, { pid: 1 }, { store: proxy.target });
  await copying;
  await first.stop();
  expect(await published()).toEqual({ rows: 0, distinct: 0, finished: 0, open: 1, windows: 0 });
  await publishUntil(store, firstDay + day, { pid: 2 });
  expect(await published()).toEqual(once);
});

test.each([
  { why: 'leads', rival: false },
  { why: 'stands by', rival: true },
])('a sink that $why stops although the database no longer answers', async ({ rival }) => {
  await using other = rival ? startSink(store, { pid: 2 }) : null;
  if (other) await other.whenProgress((p) => p.leader);
  const sink = startSink(store, { pid: 1 }, { store: proxy.target });
  await sink.whenProgress((p) => p.leader !== rival);
  proxy.freeze();
  await sink.stop();
  await expect(sink.done).resolves.toBeUndefined();
});
