import { afterEach, beforeEach, expect, test } from 'vitest';
import { day, firstDay, publishUntil, startSink, TestStore } from './sink-fixture.ts';

let store: TestStore;
beforeEach(async () => {
  store = await TestStore.create();
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

const maxId = '18446744073709551615';
const everything = async () => ({
  rows: await store.sql('SELECT * FROM cu.cloud_usage ORDER BY id'),
  records: await store.sql('SELECT * FROM us.record ORDER BY cloud_usage_id'),
  windows: await store.sql('SELECT * FROM us.published_window ORDER BY window_start_ms'),
  finished: await store.sql('SELECT * FROM cu.usage_job WHERE end_millis > 0 ORDER BY id'),
  lastId: await store.value(`SELECT last_cloud_usage_id FROM us.lease WHERE name = 'sink:fence'`),
});

test('a closed window is published whole, in order, and never again', async () => {
  await store.addRows([
    { account: '7', type: 2, key: 'vm:2' },
    { account: '7', type: 1, key: 'vm:2' },
    { account: '7', type: 1, key: 'vm:10' },
    { account: '3', type: 6, key: 'volume:1' },
    { account: '3', type: 6, key: 'volume:1', startMs: firstDay + day },
  ]);
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day);
  const published = await store.sql(
    `SELECT c.id, c.account_id, c.usage_type, r.natural_key, c.quota_calculated, c.start_date, c.end_date
     FROM cu.cloud_usage c JOIN us.record r ON r.cloud_usage_id = c.id ORDER BY c.id`,
  );
  expect(
    published.map((row) => [row['account_id'], row['usage_type'], row['natural_key']]),
  ).toEqual([
    ['3', 6, 'volume:1'],
    ['7', 1, 'vm:10'],
    ['7', 1, 'vm:2'],
    ['7', 2, 'vm:2'],
    ['3', 6, 'volume:1'],
  ]);
  expect(published.map((row) => row['id'])).toEqual(['1', '2', '3', '4', '5']);
  expect(published.every((row) => row['quota_calculated'] === 0)).toBe(true);
  expect(published[4]).toMatchObject({
    start_date: '2026-03-02 00:00:00',
    end_date: '2026-03-02 23:59:59',
  });
  const before = await everything();
  expect(before.windows).toHaveLength(2);
  await publishUntil(store, firstDay + 2 * day);
  await store.sql('DELETE FROM us.published_window'); // a note lost: the rows are found by their ids
  await publishUntil(store, firstDay + 2 * day);
  const after = await everything();
  expect({ ...after, windows: [] }).toEqual({ ...before, windows: [] });
  expect(after.windows).toHaveLength(2);
});

test('every column arrives: NULLs, the largest ids, hidden rows, and `?` for what utf8mb3 cannot hold', async () => {
  const full = {
    zone_id: maxId,
    domain_id: maxId,
    description: 'a😀b 日本𠮷',
    usage_display: '0.333333 Hrs',
    raw_usage: 0.3333333432674408,
    vm_instance_id: maxId,
    vm_name: '🦊',
    offering_id: maxId,
    template_id: maxId,
    usage_id: maxId,
    type: 'KVM',
    size: maxId,
    network_id: maxId,
    virtual_size: maxId,
    cpu_speed: 4294967295,
    cpu_cores: 64,
    memory: 4294967295,
    is_hidden: 1,
    state: 'Allocated',
  };
  await store.addRows([
    { account: maxId, key: 'full', columns: full },
    { account: '5', key: 'bare' },
  ]);
  await store.close(firstDay + day);
  await publishUntil(store, firstDay + day);
  const [bare, whole] = await store.sql('SELECT * FROM cu.cloud_usage ORDER BY account_id');
  expect(whole).toMatchObject({
    ...full,
    description: 'a?b 日本?',
    vm_name: '?',
    account_id: maxId,
  });
  const nullable = ['vm_instance_id', 'vm_name', 'offering_id', 'template_id', 'usage_id', 'type'];
  nullable.push('size', 'network_id', 'virtual_size', 'cpu_speed', 'cpu_cores', 'memory', 'state');
  expect(nullable.map((column) => bare?.[column])).toEqual(nullable.map(() => null));
  const kept = await store.value(`SELECT description FROM us.record WHERE natural_key = 'full'`);
  expect(kept).toBe('a😀b 日本𠮷');
});

test('a window waits for its slowest partition; one without a row is published all the same', async () => {
  await store.addRows([{ account: '2' }, { account: '2', startMs: firstDay + 2 * day }]);
  await store.close(firstDay + 3 * day, 0);
  await using sink = startSink(store);
  const before = await sink.whenProgress((p) => p.leader);
  expect(before.lastPublishedEndMs).toBeNull();
  await store.close(firstDay + day - 1, 1);
  await store.close(firstDay + day, 1);
  await sink.whenProgress((p) => p.lastPublishedEndMs === firstDay + day);
  expect(await store.value('SELECT COUNT(*) FROM us.published_window')).toBe('1');
  await store.close(firstDay + 3 * day, 1);
  await sink.whenProgress((p) => p.lastPublishedEndMs === firstDay + 3 * day);
  await sink.stop();
  expect(
    await store.sql(
      'SELECT window_start_ms AS s, row_count AS n FROM us.published_window ORDER BY 1',
    ),
  ).toEqual([
    { s: String(firstDay), n: '1' },
    { s: String(firstDay + day), n: '0' },
    { s: String(firstDay + 2 * day), n: '1' },
  ]);
});

test('windows begin with the first that a partition opened, though nothing was billed in it', async () => {
  await store.addRows([{ account: '2', startMs: firstDay + day }]);
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day);
  const windows = 'SELECT window_start_ms AS s, row_count AS n FROM us.published_window ORDER BY 1';
  expect(await store.sql(windows)).toEqual([
    { s: String(firstDay), n: '0' },
    { s: String(firstDay + day), n: '1' },
  ]);
});

test('an id is never given out twice, whatever was deleted', async () => {
  await store.addRows([{ account: '1' }, { account: '2' }]);
  await store.close(firstDay + day);
  await publishUntil(store, firstDay + day);
  await store.sql('DELETE FROM cu.cloud_usage');
  await store.addRows([{ account: '1', startMs: firstDay + day }]);
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day);
  await store.sql('TRUNCATE cu.cloud_usage'); // resets the table's own counter
  await store.addRows([{ account: '1', startMs: firstDay + 2 * day }]);
  await store.close(firstDay + 3 * day);
  await publishUntil(store, firstDay + 3 * day);
  const ids = 'SELECT cloud_usage_id AS id FROM us.record ORDER BY window_start_ms, account_id';
  expect((await store.sql(ids)).map((row) => row['id'])).toEqual(['1', '2', '3', '4']);
  await store.sql(`INSERT INTO cu.cloud_usage (id, zone_id, account_id, domain_id, description, usage_display,
    raw_usage, start_date, end_date) VALUES (9007199254740993, 1, 1, 1, '', '', 0, NOW(), NOW())`);
  await store.sql('DELETE FROM cu.cloud_usage WHERE id > 9007199254740000'); // a row of somebody else, gone again
  await store.addRows([{ account: '1', startMs: firstDay + 3 * day }]);
  await store.close(firstDay + 4 * day);
  await publishUntil(store, firstDay + 4 * day);
  expect((await store.sql(ids)).at(-1)).toEqual({ id: '9007199254740994' });
});

test('shadow mode writes no table of CloudStack', async () => {
  await store.addRows([{ account: '1' }]);
  await store.close(firstDay + day);
  const host = 'java/10.0.0.1';
  await store.sql(
    `INSERT INTO cu.usage_job (host, pid, job_type, scheduled, heartbeat) VALUES (?, 1, 0, 0, UTC_TIMESTAMP())`,
    [host],
  );
  const jobs = await store.sql('SELECT * FROM cu.usage_job');
  await publishUntil(store, firstDay + day, { mode: 'shadow' });
  expect(await store.sql('SELECT * FROM cu.usage_job')).toEqual(jobs);
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('0');
  expect(await store.value('SELECT COUNT(cloud_usage_id) FROM us.record')).toBe('0');
  expect(await store.sql('SELECT mode, row_count, usage_job_id FROM us.published_window')).toEqual([
    { mode: 'shadow', row_count: '1', usage_job_id: null },
  ]);
});

test('time that another server has billed is refused, and nothing is written', async () => {
  await store.addRows([{ account: '1' }]);
  await store.close(firstDay + day);
  await store.sql(
    `INSERT INTO cu.usage_job (host, pid, job_type, scheduled, start_millis, end_millis, success, heartbeat)
     VALUES ('java/10.0.0.1', 1, 0, 0, ?, ?, 1, '2026-03-01 12:00:00')`,
    [firstDay - day, firstDay],
  );
  await expect(publishUntil(store, firstDay + day)).rejects.toMatchObject({
    code: 'SINK_WINDOW_BILLED',
  });
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('0');
  expect(await store.value('SELECT COUNT(*) FROM us.published_window')).toBe('0');
});

test.each([
  {
    why: 'a missing cloud_usage table is named',
    hurt: 'DROP TABLE cu.usage_job',
    options: {},
    code: 'CLOUD_USAGE_MISSING',
  },
  {
    why: 'a missing column is named',
    hurt: 'ALTER TABLE cu.cloud_usage DROP COLUMN is_hidden',
    options: {},
    code: 'CLOUD_USAGE_MISSING',
  },
  {
    why: 'a schema that was never migrated is named',
    hurt: 'DROP TABLE us.generation',
    options: {},
    code: 'STORE_SCHEMA_MISSING',
  },
  {
    why: 'a feed of other partitions is refused',
    hurt: 'DO 0',
    options: { feedPartitions: 3 },
    code: 'GENERATION_MISMATCH',
  },
  {
    why: 'rows that end off the grid are refused',
    hurt: 'UPDATE us.record SET window_end_ms = window_end_ms - 1',
    options: {},
    code: 'GENERATION_MISMATCH',
  },
  {
    why: 'a copy that a trigger changes is rolled back',
    hurt: 'CREATE TRIGGER us.deny BEFORE UPDATE ON us.record FOR EACH ROW SET NEW.cloud_usage_id = NULL',
    options: {},
    code: 'SINK_COPY_MISMATCH',
  },
  {
    why: 'a host that a Java server could have is refused',
    hurt: 'DO 0',
    options: { host: 'node1/10.0.0.1' },
    code: 'CONFIG_INVALID',
  },
])('$why', async ({ hurt, options, code }) => {
  await store.addRows([{ account: '1' }]);
  await store.close(firstDay + day);
  await store.sql(hurt);
  await expect(publishUntil(store, firstDay + day, options)).rejects.toMatchObject({ code });
});
