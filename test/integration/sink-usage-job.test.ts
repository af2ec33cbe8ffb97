import { afterEach, beforeEach, expect, test } from 'vitest';
import { day, firstDay, publishUntil, startSink, TestStore } from './sink-fixture.ts';

let store: TestStore;
beforeEach(async () => {
  store = await TestStore.create();
  await store.addRows([{ account: '1' }, { account: '1', startMs: firstDay + day }]);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

const host = 'usagestream@test/127.0.0.1';
const job = (columns: Record<string, unknown>, age = '0 MINUTE') =>
  store.sql(`INSERT INTO cu.usage_job SET heartbeat = UTC_TIMESTAMP() - INTERVAL ${age}, ?`, [
    { pid: 9, job_type: 0, scheduled: 0, ...columns },
  ]);
const openRows = () =>
  store.sql('SELECT host, pid, job_type FROM cu.usage_job WHERE end_millis = 0 ORDER BY id');
/** Polls a condition in the database; the test's own time limit ends it. */
const eventually = async (sql: string, expected: unknown) => {
  while ((await store.value(sql)) !== expected) await new Promise((r) => setTimeout(r, 10));
};

test('each window finishes the open row and opens the next', async () => {
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day);
  const rows = await store.sql('SELECT * FROM cu.usage_job ORDER BY id');
  expect(rows).toHaveLength(3);
  expect(rows[1]).toMatchObject({
    host,
    pid: 4242,
    job_type: 0,
    scheduled: 0,
    start_millis: String(firstDay + day),
    end_millis: String(firstDay + 2 * day - 1),
    start_date: '2026-03-02 00:00:00',
    end_date: '2026-03-02 23:59:59',
    success: 1,
  });
  expect(rows[2]).toMatchObject({
    host,
    pid: 4242,
    end_millis: '0',
    start_date: null,
    success: null,
  });
  expect(await store.sql('SELECT usage_job_id AS id FROM us.published_window ORDER BY 1')).toEqual([
    { id: rows[0]?.['id'] },
    { id: rows[1]?.['id'] },
  ]);
});

test('the heartbeat goes on, and a row that somebody deleted comes back', async () => {
  await using sink = startSink(store);
  await eventually('SELECT COUNT(*) FROM cu.usage_job', '1');
  await store.sql(`UPDATE cu.usage_job SET heartbeat = '2020-01-01'`);
  await eventually(`SELECT heartbeat > '2020-01-01' FROM cu.usage_job`, 1);
  await store.sql('DELETE FROM cu.usage_job');
  await eventually('SELECT COUNT(*) FROM cu.usage_job', '1');
  await sink.stop();
  expect(await openRows()).toEqual([{ host, pid: 4242, job_type: 0 }]);
});

test('beside a live Java server it does not start', async () => {
  await store.close(firstDay + day);
  await job({ host: 'node1/10.0.0.1' }, '4 MINUTE');
  await expect(publishUntil(store, firstDay + day)).rejects.toMatchObject({
    code: 'SINK_NOT_ALONE',
    facts: { host: 'node1/10.0.0.1', pid: 9 },
  });
  expect(await openRows()).toEqual([{ host: 'node1/10.0.0.1', pid: 9, job_type: 0 }]);
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('0');
});

test.each([
  { why: 'the row of a Java server that is dead', host: 'node1/10.0.0.1', age: '6 MINUTE' },
  {
    why: 'the row of another sink, however young',
    host: 'usagestream@b/10.0.0.2',
    age: '0 MINUTE',
  },
])('it takes over $why, and leaves one open row', async ({ host: other, age }) => {
  await store.close(firstDay + day);
  await job({ host: other }, '1 DAY');
  await job({ host: other }, age);
  await publishUntil(store, firstDay + day);
  expect(await openRows()).toEqual([{ host, pid: 4242, job_type: 0 }]);
  expect(await store.sql('SELECT id, host FROM cu.usage_job WHERE success = 1')).toEqual([
    { id: '2', host },
  ]);
});

test('a Java server that takes the row is not written over', async () => {
  await using sink = startSink(store, { heartbeatMs: 60_000 });
  await eventually('SELECT COUNT(*) FROM cu.usage_job', '1');
  await store.sql(`UPDATE cu.usage_job SET host = 'node1/10.0.0.1', pid = 9`);
  await store.close(firstDay + day);
  await expect(sink.done).rejects.toMatchObject({ code: 'SINK_NOT_ALONE' });
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('0');
});

test('a request of generateUsageRecords waits for the window that is due, or is answered at once', async () => {
  await using sink = startSink(store);
  await sink.whenProgress((p) => p.leader);
  await eventually('SELECT COUNT(*) FROM cu.usage_job', '1');
  await job({ host, pid: 4242, job_type: 1 });
  await eventually('SELECT COUNT(*) FROM cu.usage_job WHERE job_type = 1 AND scheduled = 1', '1');
  expect(await openRows()).toHaveLength(2);
  await store.close(firstDay + day);
  await sink.whenProgress((p) => p.lastPublishedEndMs === firstDay + day);
  await job({ host: null, pid: 0, job_type: 1 });
  await eventually('SELECT COUNT(*) FROM cu.usage_job WHERE job_type = 1 AND success = 1', '2');
  const ends = await store.sql('SELECT end_millis AS e FROM cu.usage_job WHERE job_type = 1');
  expect(ends).toEqual([{ e: String(firstDay + day - 1) }, { e: String(firstDay + day - 1) }]);
  expect(await openRows()).toEqual([{ host, pid: 4242, job_type: 0 }]);
});
