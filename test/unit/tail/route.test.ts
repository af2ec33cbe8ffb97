import { describe, expect, test } from 'vitest';
import { FeedRecord } from '../../../src/contracts/feed-record.ts';
import type { ChangeOp, RowImage } from '../../../src/contracts/change-event.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import type { OutRecord } from '../../../src/platform/log/log.ts';
import { capturedTable } from '../../../src/tail/captured-tables.ts';
import { RefusedRow } from '../../../src/tail/feed-payload.ts';
import { bareWatermark, route } from '../../../src/tail/route.ts';
import type { RouteContext } from '../../../src/tail/route.ts';
import type { SourceChange } from '../../../src/tail/source.ts';

const seen: string[] = [];
const context: RouteContext = {
  prefix: 'p',
  source: 'acs',
  incarnation: 0,
  feedPartitions: 3,
  partitionOf: (account) => Number(account) % 3,
  accountOfEvent: (event) => (event === '7' ? u64('2') : undefined),
  sawEvent: (event, account) => void seen.push(`${event} of ${account}`),
  hold: () => false,
  release: () => [],
};

const change = (
  table: string,
  op: ChangeOp,
  before: RowImage | null,
  after: RowImage | null,
): SourceChange => ({
  db: 'cloud',
  table,
  op,
  before,
  after,
  serverId: 1,
  commitMs: 2000,
  eventMs: 1000,
  position: { gtid: '0-1-9', file: 'bin."1"', pos: 4, row: 2 },
  snapshot: 'false',
  layout: {
    db: 'cloud',
    table: capturedTable(table)!,
    columns: [],
    key: { name: 'id', kind: 'number', nullable: false },
  },
});

function routed(table: string, op: ChangeOp, before: RowImage | null, after: RowImage | null) {
  const out: OutRecord[] = [];
  route(context, change(table, op, before, after), 1234, out);
  return out.map((record) => {
    expect(record.topic).toBe('p.usage-feed');
    return { ...record, value: FeedRecord.parse(JSON.parse(String(record.value))) };
  });
}

const event: RowImage = {
  id: '18446744073709551615',
  type: 'VM."é😀',
  account_id: 5,
  created: '2026-03-01 00:00:07',
  zone_id: 0,
  resource_id: '9007199254740993',
  resource_name: null,
  offering_id: null,
  template_id: null,
  size: 0,
  resource_type: null,
  processed: 0,
  virtual_size: null,
  vm_id: null,
};

test('a usage event goes to its account, numbers as exact text, time as epoch ms', () => {
  expect(routed('usage_event', 'c', null, event)).toEqual([
    {
      topic: 'p.usage-feed',
      partition: 2,
      key: '5',
      value: {
        v: 1,
        watermarkMs: 1234,
        kind: 'usage-event',
        origin: {
          source: 'acs',
          incarnation: 0,
          gtid: '0-1-9',
          file: 'bin."1"',
          pos: 4,
          row: 2,
          commitMs: 2000,
          snapshot: false,
        },
        event: {
          id: '18446744073709551615',
          type: 'VM."é😀',
          accountId: '5',
          zoneId: '0',
          createdMs: 1772323207000,
          resourceId: '9007199254740993',
          resourceName: null,
          offeringId: null,
          templateId: null,
          size: '0',
          resourceType: null,
          virtualSize: null,
          vmId: null,
        },
      },
    },
  ]);
  expect(seen).toContain('18446744073709551615 of 5');
});

describe('what the feed does not need is left out', () => {
  test.each([
    ['a deleted event', 'usage_event', 'd', event, null],
    ['an event whose other columns changed', 'usage_event', 'u', event, { ...event, processed: 1 }],
    ['a deleted detail', 'usage_event_details', 'd', { id: 1, usage_event_id: 7 }, null],
    [
      'a setting of another instance',
      'configuration',
      'c',
      null,
      { instance: 'AgentManager', name: 'x' },
    ],
  ] as const)('%s', (_, table, op, before, after) =>
    expect(routed(table, op, before, after)).toEqual([]),
  );
});

test('an event that was changed is sent again: whoever stored the first will object', () => {
  expect(routed('usage_event', 'u', event, { ...event, size: 1 })).toHaveLength(1);
});

test('a detail goes to the account of its event', () => {
  const row = { id: 1, usage_event_id: 7, name: 'cpuNumber', value: '4' };
  expect(routed('usage_event_details', 'c', null, row)).toMatchObject([
    { key: '2', partition: 2, value: { detail: { eventId: '7', accountId: '2', value: '4' } } },
  ]);
});

const bucket = { id: 1, account_id: 4, removed: null };

test('a row that moves to another account is gone from the first', () => {
  const moved = { ...bucket, account_id: 5, removed: '2026-03-01 00:00:00' };
  expect(routed('bucket', 'u', bucket, moved)).toMatchObject([
    { key: '4', value: { present: false, bucket: { accountId: '4', removedMs: null } } },
    { key: '5', value: { present: true, bucket: { accountId: '5', removedMs: 1772323200000 } } },
  ]);
});

test('a deleted row keeps its last content', () => {
  expect(routed('bucket', 'd', bucket, null)).toMatchObject([
    { key: '4', value: { present: false } },
  ]);
});

test('a setting goes to every partition, null when it was deleted', () => {
  const row = { instance: 'DEFAULT', name: 'usage.aggregation.timezone', value: 'GMT' };
  expect(routed('configuration', 'u', row, row).map(({ partition }) => partition)).toEqual([
    0, 1, 2,
  ]);
  expect(routed('configuration', 'd', row, null)[0]!.value).toMatchObject({
    settings: { 'usage.aggregation.timezone': null },
  });
});

const net =
  'net_bytes_received net_bytes_sent current_bytes_received current_bytes_sent agg_bytes_received agg_bytes_sent';
const disk =
  'net_io_read net_io_write current_io_read current_io_write agg_io_read agg_io_write net_bytes_read ' +
  'net_bytes_write current_bytes_read current_bytes_write agg_bytes_read agg_bytes_write';
const numbered = (columns: string): RowImage =>
  Object.fromEntries(columns.split(' ').map((name, i) => [name, i + 10]));

test.each([
  [
    'user_statistics',
    {
      id: 1,
      data_center_id: 1,
      account_id: 2,
      public_ip_address: null,
      device_id: 3,
      device_type: 'DomainRouter',
      network_id: null,
      ...numbered(net),
    },
  ],
  [
    'vm_disk_statistics',
    { id: 1, data_center_id: 1, account_id: 2, vm_id: 3, volume_id: 0, ...numbered(disk) },
  ],
  ['bucket_statistics', { id: 1, account_id: 2, bucket_id: 3, size: null }],
  ['vm_template', { id: 1, account_id: 2, public: 1, removed: null }],
  [
    'account',
    {
      id: 2,
      account_name: 'a',
      uuid: null,
      type: 0,
      role_id: null,
      domain_id: 1,
      removed: null,
      cleanup_needed: 0,
    },
  ],
])('a row of %s becomes a record of the contract', (table, row) => {
  expect(routed(table, 'r', null, row)).toMatchObject([{ key: '2', partition: 2 }]);
});

test('no two totals of a counter are mixed up', () => {
  const row = {
    id: 1,
    data_center_id: 1,
    account_id: 2,
    vm_id: 3,
    volume_id: 0,
    ...numbered(disk),
  };
  expect(routed('vm_disk_statistics', 'r', null, row)[0]!.value).toMatchObject({
    counter: {
      vmId: '3',
      volumeId: '0',
      netIoRead: '10',
      currentIoWrite: '13',
      aggIoRead: '14',
      aggBytesWrite: '21',
    },
  });
});

describe('rows that make no sense are refused with the reason', () => {
  test.each([
    ['usage_event', { ...event, type: null }, 'MISSING_VALUE'],
    ['usage_event', { ...event, account_id: null }, 'MISSING_VALUE'],
    ['usage_event', { ...event, created: '0000-00-00 00:00:00' }, 'INVALID_VALUE'],
    ['usage_event', { ...event, resource_id: -1 }, 'INVALID_VALUE'],
    ['usage_event_details', { id: 1, usage_event_id: 8, name: 'x', value: 'y' }, 'UNKNOWN_EVENT'],
    ['account', { id: 1, type: -1, cleanup_needed: 0 }, 'INVALID_VALUE'],
  ] as const)('%s %o: %s', (table, row, reason) => {
    const out: OutRecord[] = [];
    expect(() => route(context, change(table, 'c', null, row), null, out)).toThrowError(
      expect.toSatisfy((error) => error instanceof RefusedRow && error.reason === reason),
    );
    expect(out).toEqual([]);
  });
});

test('a bare watermark is a record of the contract', () => {
  const { partition, value } = bareWatermark(context, 1, 99, { gtid: null, file: 'b.1', pos: 8 });
  expect(partition).toBe(1);
  expect(FeedRecord.parse(JSON.parse(String(value)))).toMatchObject({
    kind: 'watermark',
    watermarkMs: 99,
  });
});
