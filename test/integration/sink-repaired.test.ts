import { afterEach, beforeEach, expect, test } from 'vitest';
import { day, firstDay, publishUntil, TestStore } from './sink-fixture.ts';
import type { TestRow } from './sink-fixture.ts';

let store: TestStore;
beforeEach(async () => {
  store = await TestStore.create();
});
afterEach(() => store[Symbol.asyncDispose]());

const published = () =>
  store.sql(
    'SELECT id, account_id, start_date, end_date FROM cu.cloud_usage ORDER BY id',
  ) as Promise<{ id: string; account_id: string; start_date: string }[]>;

test('rows of a repaired account are added to windows that are published, in order, and once', async () => {
  const rowsOf = (account: string): TestRow[] =>
    [0, 1].map((n) => ({ account, startMs: firstDay + n * day }));
  await store.addRows(rowsOf('1'));
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day);
  const before = await published();
  expect(before).toHaveLength(2);
  const jobs = await store.sql('SELECT * FROM cu.usage_job WHERE success = 1');

  await store.addRows(rowsOf('2'));
  for (const n of [1, 0])
    await store.sql('INSERT INTO us.repaired_window VALUES (1, ?, 2)', [firstDay + n * day]);
  await publishUntil(store, firstDay + 2 * day);
  const after = await published();
  expect(after.slice(0, 2)).toEqual(before);
  expect(after.slice(2).map((row) => [row.account_id, row.start_date])).toEqual([
    ['2', '2026-03-01 00:00:00'],
    ['2', '2026-03-02 00:00:00'],
  ]);
  expect(await store.sql('SELECT * FROM cu.usage_job WHERE success = 1')).toEqual(jobs);
  expect(await store.value('SELECT SUM(row_count) FROM us.published_window')).toBe('4');

  await store.sql('INSERT INTO us.repaired_window VALUES (1, ?, 2)', [firstDay]);
  await publishUntil(store, firstDay + 2 * day);
  expect(await published()).toEqual(after);
  expect(await store.value('SELECT COUNT(*) FROM us.repaired_window')).toBe('0');
});

test('shadow mode adds a repaired account to no table of CloudStack', async () => {
  await store.addRows([{ account: '1' }]);
  await store.close(firstDay + day);
  await publishUntil(store, firstDay + day, { mode: 'shadow' });
  await store.addRows([{ account: '2' }]);
  await store.sql('INSERT INTO us.repaired_window VALUES (1, ?, 2)', [firstDay]);
  await publishUntil(store, firstDay + day, { mode: 'shadow' });
  expect(await published()).toEqual([]);
  expect(await store.value('SELECT COUNT(*) FROM us.repaired_window')).toBe('0');
});

const hour = 3_600_000;
const ran = (account: string, vm: string, from: number, to: number, type = 1): TestRow => ({
  account,
  type,
  key: `vm:${vm}`,
  columns: {
    usage_id: vm,
    vm_instance_id: vm,
    lineage: JSON.stringify([
      {
        openedBy: `${account}${vm}`,
        closedBy: null,
        beginMs: firstDay + from * hour,
        endMs: firstDay + to * hour,
        billedMs: (to - from) * hour,
      },
    ]),
  },
});

test('a machine that is open under two accounts at once is an anomaly; one that changed hands is none', async () => {
  await store.addRows([
    ran('1', '7', 0, 12),
    ran('2', '7', 6, 24),
    ran('1', '7', 0, 24, 2),
    ran('1', '8', 0, 12),
    ran('2', '8', 12, 24),
    ran('1', '9', 0, 24),
  ]);
  await store.close(firstDay + day);
  await publishUntil(store, firstDay + day);
  expect(
    await store.sql('SELECT account_id, event_id, code, window_start_ms, facts FROM us.anomaly'),
  ).toEqual([
    {
      account_id: '2',
      event_id: '27',
      code: 'OPEN_UNDER_OTHER_ACCOUNT',
      window_start_ms: String(firstDay),
      facts: '{"vmId":"7","usageType":1,"otherAccount":"1"}',
    },
  ]);
});

test('a repaired account gets helper rows and copies as the window itself would have had', async () => {
  const change = (table: string, account: string, serial: string, cells: unknown, n = 0) =>
    store.sql('INSERT INTO us.helper_change SET ?', [
      {
        ...{ generation: 1, window_start_ms: firstDay + n * day, table_name: table },
        ...{ account_id: account, serial, event_id: 0, body: JSON.stringify(cells) },
      },
    ]);
  const vpc = (endDate: string | null) => [
    ...['1', '1', '7', 'Enabled', '2026-03-01 01:00:00', endDate],
  ];
  const helpersOf = async (account: string) => ({
    vpc: await store.sql('SELECT vpc_id, created, removed FROM cu.usage_vpc WHERE account_id = ?', [
      account,
    ]),
    events: await store.sql('SELECT id, processed FROM cu.usage_event WHERE account_id = ?', [
      account,
    ]),
    statistics: await store.sql('SELECT id, size FROM cu.bucket_statistics WHERE account_id = ?', [
      account,
    ]),
  });
  const fill = async (account: string, eventId: number) => {
    for (const n of [0, 1]) await store.addRows([{ account, startMs: firstDay + n * day }]);
    await change('usage_vpc', account, '1', vpc(null));
    await change('usage_vpc', account, '1', vpc('2026-03-02 05:00:00'), 1);
    await change('bucket_statistics', account, String(eventId), ['4', '99']);
    await change('usage_event', account, '0', [[firstDay, eventId, 0]]);
    await store.sql('INSERT INTO us.event SET ?', [
      {
        ...{ generation: 1, account_id: account, created_ms: firstDay, event_id: eventId },
        ...{ incarnation: 0, partition_id: 0, feed_offset: eventId, content_hash: 'x' },
        body: JSON.stringify({ event: { type: 'VPC.CREATE', zoneId: '1' } }),
      },
    ]);
  };
  await fill('1', 11);
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day);
  const wanted = await helpersOf('1');
  expect(wanted.vpc).toMatchObject([{ vpc_id: '7', removed: '2026-03-02 05:00:00' }]);

  // Its event lies below the highest that was copied.
  await fill('2', 5);
  for (const n of [0, 1])
    await store.sql('INSERT INTO us.repaired_window VALUES (1, ?, 2)', [firstDay + n * day]);
  await publishUntil(store, firstDay + 2 * day);
  expect(await helpersOf('2')).toEqual({
    vpc: wanted.vpc,
    events: [{ id: '5', processed: 1 }],
    statistics: [{ id: '5', size: '99' }],
  });
  expect(await helpersOf('1')).toEqual(wanted);
  expect(await store.value('SELECT COUNT(*) FROM us.helper_change')).toBe('0');
});
