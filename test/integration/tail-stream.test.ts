import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { placement } from '../../streams/placement.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe('a first snapshot, then the binlog', () => {
  let cloud: TailedCloud;
  let feed: Awaited<ReturnType<TailedCloud['feed']>>;

  beforeAll(async () => {
    cloud = await tailedCloud();
    const { sql } = cloud;
    // Before the tailer starts, in an order that is not that of their ids.
    await sql.query(`
      INSERT INTO account (id, account_name, type) VALUES (2, 'ada', 0), (3, 'bob', 0);
      INSERT INTO configuration (instance, name, value) VALUES
        ('DEFAULT', 'usage.stats.job.aggregation.range', '60'), ('DEFAULT', 'some.password', 'secret');
      INSERT INTO vm_template (id, unique_name, name, public, featured, hvm, bits, format, created, account_id, guest_os_id)
        VALUES (9, 't', 't', 1, 0, 1, 64, 'QCOW2', '2026-01-01', 2, 1);
      INSERT INTO bucket (id, name, object_store_id, state, uuid, domain_id, account_id, access_key, secret_key)
        VALUES (1, 'b', '1', 'Created', 'u', 1, 3, 'AKIA', 'secret')`);
    for (let i = 0; i < 25; i++)
      await insertEvent(sql, { account_id: 2 + (i % 2), created: `2026-03-01 00:00:${59 - i}` });
    await sql.query(
      `INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (3, 'cpuNumber', '2'), (20, 'memory', '512')`,
    );

    const tail = cloud.start({ snapshotChunkRows: 10 });
    await tail.whenCaughtUp();
    await insertEvent(sql, {
      id: '9007199254740993',
      account_id: 3,
      resource_id: '18446744073709551615',
      resource_name: 'é😀"\\\n',
      size: '9223372036854775808',
    });
    await sql.query(`
      INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (9007199254740993, 'cpuSpeed', '1000');
      UPDATE usage_event SET processed = 1 WHERE id = 1;
      DELETE FROM usage_event WHERE id = 2;
      UPDATE configuration SET value = '1440' WHERE name = 'usage.stats.job.aggregation.range';
      UPDATE configuration SET value = 'other' WHERE name = 'some.password';
      INSERT INTO user_statistics (data_center_id, account_id, device_id, device_type, agg_bytes_sent) VALUES (1, 2, 5, 'DomainRouter', 77);
      UPDATE bucket SET removed = '2026-03-01 00:00:00', secret_key = 'other' WHERE id = 1;
      UPDATE vm_template SET account_id = 3 WHERE id = 9`);
    // Committed later than its event by more than is remembered by a tailer that was restarted.
    await tail.whenCaughtUp();
    await tail.stop();
    await sql.query(
      `INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (5, 'late', 'x')`,
    );
    const again = cloud.start();
    await again.whenCaughtUp();
    await again.stop();
    feed = await cloud.feed();
  });
  afterAll(() => cloud[Symbol.asyncDispose]());

  test('has every usage event once', () => {
    const ids = feed.flatMap((each) => (each.kind === 'usage-event' ? [each.event.id] : []));
    const expected = [...Array.from({ length: 25 }, (_, i) => String(i + 1)), '9007199254740993'];
    expect(ids.toSorted()).toEqual(expected.toSorted());
  });

  test('has values of all sizes and alphabets exactly', () => {
    const found = feed.find(
      (each) => each.kind === 'usage-event' && each.event.id === '9007199254740993',
    );
    expect(found).toMatchObject({
      event: {
        resourceId: '18446744073709551615',
        resourceName: 'é😀"\\\n',
        size: '9223372036854775808',
        offeringId: null,
        vmId: null,
      },
      origin: { snapshot: false, gtid: expect.stringMatching(/^(\d+-\d+-\d+|[\da-f-]{36}:\d+)$/) },
    });
  });

  test('has the events of the snapshot in the order of their time', () => {
    for (const account of ['2', '3']) {
      const times = feed.flatMap((each) =>
        each.kind === 'usage-event' && each.origin.snapshot && each.key === account
          ? [each.event.createdMs]
          : [],
      );
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  test('has each account on one partition, which is written down', async () => {
    const records = await cloud.records(placement.topic(cloud.prefix));
    const placed = records.flatMap(({ key, value }) =>
      value === null
        ? []
        : [[String(key), (JSON.parse(String(value)) as { partition: number }).partition] as const],
    );
    expect(placed).toHaveLength(2);
    for (const [account, partition] of placed) {
      const found = feed.filter((each) => each.key === account).map((each) => each.partition);
      expect(new Set(found)).toEqual(new Set([partition]));
    }
  });

  test('has each detail on the partition of its event, even when the event was long ago', () => {
    const details = feed.flatMap((each) => (each.kind === 'event-detail' ? [each] : []));
    expect(
      new Set(details.map(({ detail }) => `${detail.eventId} ${detail.accountId} ${detail.name}`)),
    ).toEqual(new Set(['20 3 memory', '3 2 cpuNumber', '5 2 late', '9007199254740993 3 cpuSpeed']));
    expect(details).toHaveLength(4);
    for (const each of details) expect(each.key).toBe(each.detail.accountId);
  });

  test('has counters, templates and buckets with the account that they belong to', () => {
    const found = feed.flatMap((each) =>
      each.kind === 'counter' || each.kind === 'template' || each.kind === 'bucket'
        ? [{ kind: each.kind, key: each.key, present: each.present }]
        : [],
    );
    expect(found).toEqual(
      expect.arrayContaining([
        { kind: 'counter', key: '2', present: true },
        { kind: 'template', key: '2', present: true },
        { kind: 'template', key: '2', present: false },
        { kind: 'template', key: '3', present: true },
        { kind: 'bucket', key: '3', present: true },
      ]),
    );
  });

  test('tells settings of billing to every partition, and no others to anyone', async () => {
    for (const partition of [0, 1, 2]) {
      const settings = feed.flatMap((each) =>
        each.kind === 'settings' && each.partition === partition ? [each.settings] : [],
      );
      expect(settings).toEqual([
        { 'usage.stats.job.aggregation.range': '60' },
        { 'usage.stats.job.aggregation.range': '1440' },
      ]);
    }
    const raw = [...(await cloud.raw('configuration')), ...(await cloud.raw('bucket'))];
    expect(raw.length).toBeGreaterThan(3);
    expect(JSON.stringify(raw)).not.toMatch(/secret|password|AKIA|other/);
  });

  test('has each change once in the raw topic, with snapshot markers and tombstones', async () => {
    const raw = await cloud.raw('usage_event');
    const values = raw.flatMap(({ value }) => (value === null ? [] : [value]));
    const count = (text: string) => values.filter((value) => value.includes(text)).length;
    expect({
      r: count('"op":"r"'),
      c: count('"op":"c"'),
      u: count('"op":"u"'),
      d: count('"op":"d"'),
      tombstones: raw.length - values.length,
      last: count('"snapshot":"last"'),
      firstOfTable: count('"snapshot":"first_in_data_collection"'),
    }).toEqual({ r: 25, c: 1, u: 1, d: 1, tombstones: 1, last: 1, firstOfTable: 1 });
    const wrapped = raw.find(({ key }) => key === '{"id":9007199254740993}');
    expect(wrapped?.value).toContain(
      '"resource_id":-1,"resource_name":"é\\uD83D\\uDE00\\"\\\\\\n"',
    );
    expect(wrapped?.value).toContain('"size":-9223372036854775808');
  });
});

test('what makes no sense goes to the dead letters, and the tail goes on', async () => {
  await using cloud = await tailedCloud();
  const { sql } = cloud;
  const tail = cloud.start();
  await tail.whenCaughtUp();
  await sql.query("SET sql_mode = ''; SET foreign_key_checks = 0");
  await insertEvent(sql, { created: '0000-00-00 00:00:00' });
  await sql.query(
    "INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (4711, 'x', 'y')",
  );
  await insertEvent(sql, { id: 100 });
  await tail.whenCaughtUp();
  await tail.stop();

  expect(await cloud.deadLetters()).toMatchObject([
    { reason: 'INVALID_VALUE', facts: { column: 'created' }, record: { after: { id: '1' } } },
    { reason: 'UNKNOWN_EVENT', facts: { event: '4711' }, record: { table: 'usage_event_details' } },
  ]);
  const events = (await cloud.feed()).flatMap((each) =>
    each.kind === 'usage-event' ? [each.event.id] : [],
  );
  expect(events).toEqual(['100']);
  expect(await tail.metrics.tailDeadLetters.get()).toMatchObject({
    values: [
      { value: 1, labels: { reason: 'INVALID_VALUE' } },
      { value: 1, labels: { reason: 'UNKNOWN_EVENT' } },
    ],
  });
  expect(await cloud.raw('usage_event')).toHaveLength(2);
});

test('without raw topics the feed is the same', async () => {
  await using cloud = await tailedCloud();
  await insertEvent(cloud.sql);
  await cloud.sql.query(
    "INSERT INTO usage_event_details (usage_event_id, name, value) VALUES (1, 'x', 'y')",
  );
  const tail = cloud.start({ raw: false });
  await tail.whenCaughtUp();
  await tail.stop();
  const kinds = (await cloud.feed())
    .map((each) => each.kind)
    .filter((kind) => kind !== 'watermark');
  expect(kinds).toEqual(['usage-event', 'event-detail']);
  expect(await cloud.log.offsets(`${cloud.prefix}.${cloud.cloudSchema}.usage_event`)).toEqual([]);
});
