import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMetrics } from '../../src/platform/metrics.ts';
import { day, firstDay, publishUntil, TestStore } from './sink-fixture.ts';
import { DatabaseProxy } from './sink-proxy.ts';

let store: TestStore;
beforeEach(async () => {
  store = await TestStore.create();
  await store.close(firstDay + 2 * day);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

let events = 0;
const secondDay = firstDay + day;

/** A row of helper_change; an event's change is the list of events. */
async function change(
  table: string,
  account: string,
  serial: string | number,
  cells: readonly unknown[],
  startMs = firstDay,
): Promise<void> {
  const row = { generation: 1, window_start_ms: startMs, table_name: table, account_id: account };
  const body = JSON.stringify(cells);
  await store.sql('INSERT INTO us.helper_change SET ?', [
    { ...row, serial, event_id: ++events, body },
  ]);
}

const volume = (id: number, deleted: string | null = null, created = '2026-03-01 01:00:00') => [
  ...['1', '2', String(id), '31', null, '8589934592', created, deleted, null],
];
const security = (group: string) => ['1', '2', '101', group, '2026-03-01 01:00:00', null];
const byteCounts: readonly unknown[] = [
  '1',
  '91',
  'DomainRouter',
  '801',
  '10',
  '20',
  '10',
  '20',
  firstDay + day - 1,
];
const statistics = (sent: string): unknown[] => [
  ...['1', '203.0.113.11', '91', 'DomainRouter', null, '0', '0', '0', '0', '7', sent],
];

async function addEvent(id: number, createdMs: number, account = '3', name = 'vm'): Promise<void> {
  const event = { type: 'VM.START', zoneId: '1', resourceId: '101', resourceName: name };
  const rest = { offeringId: '21', templateId: null, size: '18446744073709551615' };
  await store.sql('INSERT INTO us.event SET ?', [
    {
      ...{ generation: 1, account_id: account, created_ms: createdMs, event_id: id },
      ...{ incarnation: 0, partition_id: 0, feed_offset: id, content_hash: Buffer.alloc(8) },
      body: JSON.stringify({
        event: { ...event, ...rest, resourceType: 'KVM', virtualSize: null, vmId: '5' },
      }),
    },
  ]);
}

const addDetail = (id: number, eventId: number) =>
  store.sql(
    `INSERT INTO us.event_detail (generation, account_id, event_id, incarnation, detail_id, feed_offset,
       name, value) VALUES (1, 3, ?, 0, ?, 1, 'cpuNumber', '4')`,
    [eventId, id],
  );

const everything = async () => ({
  volumes: await store.sql('SELECT * FROM cu.usage_volume ORDER BY id'),
  groups: await store.sql('SELECT * FROM cu.usage_security_group ORDER BY id'),
  bytes: await store.sql('SELECT * FROM cu.usage_network'),
  events: await store.sql('SELECT * FROM cu.usage_event ORDER BY id'),
  details: await store.sql('SELECT * FROM cu.usage_event_details ORDER BY id'),
  accounts: await store.sql('SELECT * FROM cu.account ORDER BY id'),
  statistics: await store.sql('SELECT * FROM cu.user_statistics ORDER BY id'),
  mapping: await store.sql('SELECT * FROM us.helper_row ORDER BY 1, 2, 3, 4'),
  skipped: await store.sql('SELECT account_id, facts FROM us.anomaly ORDER BY account_id, facts'),
  left: await store.sql('SELECT * FROM us.helper_change'),
});

/** Two windows in which everything happens once. */
async function addStory(): Promise<void> {
  await change('account', '3', 3, ['ada 🦊', 'uuid-3', 0, '4', '2', null, 0]);
  await change(
    'account',
    '3',
    3,
    ['eve', 'other', 1, '1', '9', '2026-03-02 05:00:00', 1],
    secondDay,
  );
  await change('user_statistics', '3', 1, statistics('8'));
  await change('user_statistics', '3', 1, statistics('9'), secondDay);
  await change('usage_network', '3', 0, byteCounts);
  await change('usage_volume', '20', 1, volume(202));
  await change('usage_volume', '3', 2, volume(201));
  await change('usage_volume', '3', 1, volume(200));
  await change('usage_volume', '3', 2, volume(201, '2026-03-02 02:00:00'), secondDay);
  await change('usage_volume', '3', 5, volume(203), secondDay);
  await change('usage_security_group', '3', 3, security('51'));
  for (const id of [10, 11, 13]) await addEvent(id, firstDay + id * 1000);
  await addEvent(12, secondDay + 1000);
  await addEvent(14, secondDay + 500);
  await addDetail(1, 10);
  await addDetail(2, 12);
  const names = (ids: readonly number[]) => ids.map((id) => [firstDay + id * 1000, id, 0]);
  await change('usage_event', '3', 0, names([10, 13]));
  const late = [[secondDay + 1000, 12, 0], [secondDay + 500, 14, 0], ...names([11])];
  await change('usage_event', '3', 0, late, secondDay);
}

test('a later window changes the row that an earlier one inserted; ids ascend by account and serial', async () => {
  await addStory();
  await publishUntil(store, secondDay);
  const first = await everything();
  expect(first.volumes.map((row) => [row['id'], row['account_id'], row['volume_id']])).toEqual([
    ['1', '3', '200'],
    ['2', '3', '201'],
    ['3', '20', '202'],
  ]);
  expect(first.volumes[1]).toMatchObject({ deleted: null, size: '8589934592', domain_id: '2' });
  expect(first.left.map((row) => Number(row['window_start_ms']))).not.toContain(firstDay);
  await publishUntil(store, secondDay + day);
  const second = await everything();
  expect(second.volumes.map((row) => [row['id'], row['volume_id'], row['deleted']])).toEqual([
    ['1', '200', null],
    ['2', '201', '2026-03-02 02:00:00'],
    ['3', '202', null],
    ['4', '203', null],
  ]);
  expect(second.left).toEqual([]);
  expect(second.skipped).toEqual([]);
});

test('events are copied as a Java server has them: it finds nothing to do again, and misses nothing', async () => {
  await addStory();
  await publishUntil(store, secondDay);
  const first = await everything();
  // 12 is of the next window, but a Java server would only look above 13; 11 was not folded yet.
  expect(first.events.map((row) => [row['id'], row['processed']])).toEqual([
    ['10', 1],
    ['12', 0],
    ['13', 1],
  ]);
  expect(first.details.map((row) => row['id'])).toEqual(['1', '2']);
  await publishUntil(store, secondDay + day);
  const second = await everything();
  expect(second.events.map((row) => [row['id'], row['processed']])).toEqual(
    ['10', '11', '12', '13', '14'].map((id) => [id, 1]),
  );
  expect(second.events[0]).toEqual({
    ...{ id: '10', type: 'VM.START', account_id: '3', created: '2026-03-01 00:00:10' },
    ...{ zone_id: '1', resource_id: '101', resource_name: 'vm', offering_id: '21' },
    ...{ template_id: null, size: '18446744073709551615', resource_type: 'KVM', processed: 1 },
    ...{ virtual_size: null, vm_id: '5' },
  });
});

test('of a known account and counter only what a Java server refreshes is refreshed', async () => {
  await addStory();
  await publishUntil(store, secondDay + day);
  const { accounts, statistics: counters } = await everything();
  expect(accounts).toMatchObject([
    {
      ...{ id: '3', account_name: 'eve', removed: '2026-03-02 05:00:00' },
      ...{ uuid: 'uuid-3', type: 0, role_id: '4', domain_id: '2', cleanup_needed: 0 },
    },
  ]);
  expect(counters).toMatchObject([{ id: '1', agg_bytes_received: '7', agg_bytes_sent: '9' }]);
});

test('changes that a replay writes again change nothing', async () => {
  await addStory();
  await publishUntil(store, secondDay + day);
  const before = await everything();
  await addStoryAgain();
  await store.close(secondDay + 2 * day);
  await publishUntil(store, secondDay + 2 * day);
  expect(await everything()).toEqual(before);
});

async function addStoryAgain(): Promise<void> {
  await store.sql('DELETE FROM us.event');
  await store.sql('DELETE FROM us.event_detail');
  await addStory();
}

test('a row that CloudStack cannot hold is left out and noted; the window and the other rows are not', async () => {
  await store.sql(`INSERT INTO cu.usage_volume (id, volume_id, zone_id, account_id, domain_id, created)
    VALUES (40, 200, 1, 99, 9, '2026-03-01 01:00:00')`);
  await addStory();
  const ip: unknown[] = [
    '1',
    '2',
    '401',
    '2001:db8::1234:5678',
    1,
    0,
    '2026-03-01 00:00:00',
    null,
    0,
  ];
  await change('usage_ip_address', '3', 9, ip);
  await change('usage_ip_address', '3', 10, ip.with(3, '203.0.113.1'));
  await change('usage_volume', '3', 1, volume(200, '2026-03-02 03:00:00'), secondDay);
  await change('usage_network', '3', 1, byteCounts.with(3, null));
  await change('user_statistics', '3', 2, statistics('8').with(3, null));
  const metrics = createMetrics();
  await publishUntil(store, secondDay + day, {}, { metrics });
  const { volumes, skipped, bytes, statistics: counters } = await everything();
  expect(volumes.map((row) => [row['id'], row['volume_id'], row['account_id']])).toEqual([
    ['40', '200', '99'], // not ours: untouched
    ['42', '201', '3'],
    ['43', '202', '20'],
    ['44', '203', '3'],
  ]);
  expect(volumes[0]).toMatchObject({ deleted: null });
  expect(bytes).toHaveLength(1);
  expect(counters).toHaveLength(1);
  expect(await store.value('SELECT COUNT(*) FROM cu.usage_ip_address')).toBe('1');
  const noted = skipped.map(({ facts }) => (JSON.parse(String(facts)) as { table: string }).table);
  expect(noted).toHaveLength(4);
  expect(new Set(noted)).toEqual(
    new Set(['usage_ip_address', 'usage_network', 'usage_volume', 'user_statistics']),
  );
  expect(await store.value('SELECT COUNT(*) FROM us.published_window')).toBe('2');
  const counted = (await metrics.sinkHelperRows.get()).values.filter(
    ({ labels }) => labels['outcome'] === 'skipped',
  );
  const tables = ['usage_ip_address', 'usage_network', 'usage_volume', 'user_statistics'];
  expect(new Set(counted.map(({ labels }) => labels['table']))).toEqual(new Set(tables));
});

test(
  'a kill of the sink at any statement of a publication loses and doubles nothing',
  { timeout: 60_000 },
  async () => {
    await addStory();
    await publishUntil(store, secondDay + day);
    const whole = await everything();
    await store[Symbol.asyncDispose]();
    store = await TestStore.create();
    await store.close(firstDay + 2 * day);
    await addStory();
    await using proxy = await DatabaseProxy.open(store.target);
    const killed = new Set<string>();
    proxy.watch = (statement, link) => {
      if (!/helper_|usage_|`account`|_statistics/.test(statement)) return;
      const point = statement.slice(0, 120);
      if (!/^\s*(INSERT|UPDATE|DELETE)/.test(statement) || killed.has(point)) return;
      killed.add(point);
      link.client.destroy();
      link.server.destroy();
    };
    await publishUntil(store, secondDay + day, {}, { store: proxy.target });
    expect(killed.size).toBeGreaterThan(10);
    expect(withoutIds(await everything())).toEqual(withoutIds(whole));
  },
);

/** Ids that were given out and rolled back are not given out again. */
function withoutIds(tables: Awaited<ReturnType<typeof everything>>) {
  const { volumes, groups, mapping, ...rest } = tables;
  const ours = [volumes, groups, mapping].map((rows) =>
    rows.map(({ id: _id, helper_id: _helperId, ...row }) => row),
  );
  return { ...rest, ours };
}

test.each([
  { why: 'in shadow mode', options: { mode: 'shadow' } as const },
  { why: 'when switched off', options: { helperTables: false } },
])('$why no helper table is written, and nothing piles up', async ({ options }) => {
  await addStory();
  await publishUntil(store, secondDay + day, options);
  const { volumes, groups, bytes, events, details, accounts, left } = await everything();
  expect([volumes, groups, bytes, events, details, accounts, left].flat()).toEqual([]);
});

test('a window that another server has billed is left to it with its helper rows', async () => {
  await addStory();
  await store.sql(`INSERT INTO cu.usage_job (job_type, end_millis, success, heartbeat)
    VALUES (0, ${secondDay - 1}, 1, '2026-03-02')`);
  await publishUntil(store, secondDay);
  const { volumes, events: copied } = await everything();
  expect([...volumes, ...copied]).toEqual([]);
});

test('an id that was given out is not given out again, whatever was emptied', async () => {
  await addStory();
  await publishUntil(store, secondDay);
  await store.sql('TRUNCATE TABLE cu.usage_volume');
  await publishUntil(store, secondDay + day);
  const { volumes } = await everything();
  expect(volumes.map((row) => [row['id'], row['volume_id']])).toEqual([['4', '203']]);
});
