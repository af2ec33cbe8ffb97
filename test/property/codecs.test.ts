import { fc } from '../support/fast-check.ts';
import { expect, test } from 'vitest';
import { parseRecord } from '../../src/aggregate/parse-record.ts';
import type { ColumnValue, RowImage } from '../../src/contracts/change-event.ts';
import { FEED_VERSION } from '../../src/contracts/feed-record.ts';
import type { FeedRecord } from '../../src/contracts/feed-record.ts';
import { u64 } from '../../src/contracts/ids.ts';
import type { AccountId } from '../../src/contracts/ids.ts';
import { parseSqlDateTime, sqlDateTime } from '../../src/contracts/time.ts';
import { formatAmount, parseAmount } from '../../src/domain/audit-repair.ts';
import { naturalKey, parseNaturalKey } from '../../src/domain/natural-key.ts';
import {
  accountJson,
  bucketJson,
  counterJson,
  eventDetailJson,
  settingsJson,
  templateJson,
  usageEventJson,
} from '../../src/tail/feed-payload.ts';
import { MysqlGtidSet } from '../../src/tail/mysql-gtid-set.ts';
import { decodePosition, encodePosition } from '../../src/tail/position.ts';
import type { PositionRecord } from '../../src/tail/position.ts';

const law = { numRuns: 1000 };
const anyId = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const anyMs = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59) });
const anySecond = anyMs.map((ms) => Math.floor(ms / 1000) * 1000);
const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });
const orNull = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });

const origin = { source: 's', incarnation: 0, gtid: null, file: null, pos: 4, row: 0, commitMs: 5 };

/** Reads a feed record made of a kind and the part that is its own, as the aggregate stage does. */
function read(kind: FeedRecord['kind'], own: string, watermarkMs: number | null = null) {
  const head = { v: FEED_VERSION, kind, watermarkMs, origin: { ...origin, snapshot: false } };
  const present = /event|settings/.test(kind) ? '' : ',"present":true';
  const text = `${JSON.stringify(head).slice(0, -1)}${present},${own}}`;
  const parsed = parseRecord(Buffer.from(text));
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.refusal)}`);
  expect(parsed.text).toBe(text);
  return parsed.record;
}

interface Column {
  /** The column of the source, and the value as the binlog has it. */
  readonly column: string;
  readonly cell: fc.Arbitrary<{ readonly cell: ColumnValue; readonly value: unknown }>;
}

const id = (column: string): Column => ({ column, cell: anyId.map(same) });
const idOrNull = (column: string): Column => ({ column, cell: orNull(anyId).map(same) });
const text = (column: string): Column => ({ column, cell: anyText.map(same) });
const textOrNull = (column: string): Column => ({ column, cell: orNull(anyText).map(same) });
const flag = (column: string): Column => ({
  column,
  cell: fc.boolean().map((value) => ({ cell: value ? 1 : 0, value })),
});
const instant = (column: string): Column => ({
  column,
  cell: anySecond.map((value) => ({ cell: sqlDateTime(value), value })),
});
const instantOrNull = (column: string): Column => ({
  column,
  cell: orNull(anySecond).map((value) => ({
    cell: value === null ? null : sqlDateTime(value),
    value,
  })),
});

function same<T extends ColumnValue>(cell: T) {
  return { cell, value: cell };
}

/** Names of a feed record's part, each with its column: the contract, written down once more. */
type Shape = Readonly<Record<string, Column>>;

const event: Shape = {
  id: id('id'),
  type: text('type'),
  accountId: id('account_id'),
  createdMs: instant('created'),
  zoneId: id('zone_id'),
  resourceId: idOrNull('resource_id'),
  resourceName: textOrNull('resource_name'),
  offeringId: idOrNull('offering_id'),
  templateId: idOrNull('template_id'),
  size: idOrNull('size'),
  resourceType: textOrNull('resource_type'),
  virtualSize: idOrNull('virtual_size'),
  vmId: idOrNull('vm_id'),
};
const account: Shape = {
  id: id('id'),
  name: textOrNull('account_name'),
  uuid: textOrNull('uuid'),
  type: { column: 'type', cell: fc.nat(5).map(same) },
  roleId: idOrNull('role_id'),
  domainId: idOrNull('domain_id'),
  removedMs: instantOrNull('removed'),
  cleanupNeeded: flag('cleanup_needed'),
};
const owned = { id: id('id'), accountId: id('account_id') };
const template: Shape = { ...owned, isPublic: flag('public'), removedMs: instantOrNull('removed') };
const bucket: Shape = { ...owned, removedMs: instantOrNull('removed') };

const totals = (columns: string): Shape =>
  Object.fromEntries(
    columns
      .split(' ')
      .map((c) => [c.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()), id(c)]),
  );
const network: Shape = {
  ...owned,
  zoneId: id('data_center_id'),
  publicIpAddress: textOrNull('public_ip_address'),
  deviceType: text('device_type'),
  networkId: idOrNull('network_id'),
  ...totals('device_id net_bytes_received net_bytes_sent current_bytes_received'),
  ...totals('current_bytes_sent agg_bytes_received agg_bytes_sent'),
};
const disk: Shape = {
  ...owned,
  zoneId: id('data_center_id'),
  ...totals('vm_id volume_id net_io_read net_io_write current_io_read current_io_write'),
  ...totals('agg_io_read agg_io_write net_bytes_read net_bytes_write current_bytes_read'),
  ...totals('current_bytes_write agg_bytes_read agg_bytes_write'),
};
const holding: Shape = { ...owned, bucketId: id('bucket_id'), size: idOrNull('size') };

test.each([
  { name: 'usage event', kind: 'usage-event', part: 'event', shape: event, json: usageEventJson },
  { name: 'account', kind: 'account', part: 'account', shape: account, json: accountJson },
  { name: 'template', kind: 'template', part: 'template', shape: template, json: templateJson },
  { name: 'bucket', kind: 'bucket', part: 'bucket', shape: bucket, json: bucketJson },
  ...[
    { name: 'user_statistics', shape: network },
    { name: 'vm_disk_statistics', shape: disk },
    { name: 'bucket_statistics', shape: holding },
  ].map(({ name, shape }) => ({
    ...{ name, kind: 'counter' as const, part: 'counter', shape },
    json: (row: RowImage) => counterJson(name, row),
  })),
] as const)('a row of $name is read from the feed as it was', ({ kind, part, shape, json }) => {
  const cells = Object.fromEntries(Object.entries(shape).map(([name, { cell }]) => [name, cell]));
  fc.assert(
    fc.property(fc.record(cells), (values) => {
      const entries = Object.entries(values);
      const row = Object.fromEntries(
        entries.map(([name, { cell }]) => [shape[name]?.column ?? name, cell]),
      );
      const record = read(kind, json(row)) as unknown as Readonly<Record<string, unknown>>;
      expect(record[part]).toMatchObject(
        Object.fromEntries(entries.map(([name, { value }]) => [name, value])),
      );
    }),
    law,
  );
});

test('details and settings are read from the feed as they were', () => {
  const detail = fc.record({ id: anyId, eventId: anyId, name: anyText, value: anyText });
  const settings = fc.dictionary(
    anyText.filter((name) => name !== '__proto__'),
    orNull(anyText),
  );
  fc.assert(
    fc.property(detail, anyId, settings, orNull(anyMs), (d, owner, set, watermarkMs) => {
      const row = { id: d.id, usage_event_id: d.eventId, name: d.name, value: d.value };
      const accountId = u64<AccountId>(owner);
      expect(read('event-detail', eventDetailJson(row, accountId), watermarkMs)).toMatchObject({
        watermarkMs,
        detail: { ...d, accountId },
      });
      const map = new Map(Object.entries(set));
      expect(read('settings', settingsJson(map))).toMatchObject({ settings: { ...set } });
    }),
    law,
  );
});

test('a position is read as it was written', () => {
  const snapshot = fc.record({
    startedMs: anyMs,
    maxEventId: anyId,
    table: anyText,
    after: orNull(fc.array(anyText, { maxLength: 3 })),
    rows: fc.nat(),
  });
  const position: fc.Arbitrary<PositionRecord> = fc.record({
    v: fc.constant(1 as const),
    source: anyText,
    incarnation: fc.nat(),
    serverId: fc.nat(),
    file: anyText,
    pos: fc.nat(2 ** 31 - 1),
    gtid: orNull(anyText),
    snapshot: orNull(snapshot),
    watermarkMs: orNull(anyMs),
    feedPartitions: fc.integer({ min: 1, max: 64 }),
    accounts: orNull(fc.nat()),
    fileMs: orNull(anyMs),
    lastXid: orNull(fc.record({ pos: fc.nat(), xid: anyId })),
    serverUuid: orNull(anyText),
    newestEvent: orNull(fc.record({ id: anyId, hash: anyText })),
    cuts: fc.array(fc.record({ incarnation: fc.integer({ min: 1 }), aboveId: anyId })),
    healed: orNull(
      fc.record({
        why: anyText,
        atMs: anyMs,
        gapFromMs: orNull(anyMs),
        events: fc.nat(),
        details: fc.nat(),
        facts: fc.nat(),
        conflicts: fc.nat(),
        lostOnSource: fc.nat(),
        newIncarnation: fc.boolean(),
      }),
    ),
    poll: orNull(fc.record({ settledId: orNull(anyId), settledDetailId: orNull(anyId) })),
    atMs: anyMs,
  });
  fc.assert(
    fc.property(position, (record) => {
      const { key, value } = encodePosition('acs', record);
      expect(key).toBe(record.source);
      expect(decodePosition(String(value))).toEqual(record);
    }),
    law,
  );
});

test('natural keys are read as they were written, and differ when anything does', () => {
  const identity = fc.record({
    accountId: anyId.map((one) => u64<AccountId>(one)),
    usageType: fc.nat(40),
    key: anyText,
  });
  fc.assert(
    fc.property(identity, identity, anyMs, anyText, (one, other, startMs, kind) => {
      const written = naturalKey(one, startMs, kind);
      expect(parseNaturalKey(written)).toEqual(one);
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      expect(naturalKey(other, startMs, kind) === written).toBe(isSame);
    }),
    law,
  );
});

test('whole seconds are read from DATETIME text as they were written', () => {
  fc.assert(
    fc.property(anySecond, (ms) => {
      expect(parseSqlDateTime(sqlDateTime(ms))).toBe(ms);
    }),
    law,
  );
});

test('a set of GTIDs is the same set after it was printed, however it came together', () => {
  const uuids = fc.constantFrom('3e11fa47-71ca-11e1-9e33-c80aa9429562', 'a-server:tag_1');
  const gtid = fc.record({ uuid: uuids, number: fc.bigInt({ min: 1n, max: 40n }) });
  fc.assert(
    fc.property(fc.array(gtid, { maxLength: 30 }), (gtids) => {
      const set = new MysqlGtidSet('');
      for (const { uuid, number } of gtids) set.add(`${uuid}:${number}`);
      const other = new MysqlGtidSet('');
      for (const { uuid, number } of gtids.toReversed()) other.add(`${uuid}:${number}`);
      expect(other.toString()).toBe(set.toString());
      const read = new MysqlGtidSet(set.toString());
      expect(read.toString()).toBe(set.toString());
      for (const { uuid, number } of gtids)
        expect(read.contains(new MysqlGtidSet(`${uuid}:${number}`))).toBe(true);
    }),
    law,
  );
});

test('an amount of quota is read as it was written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (units) => {
      expect(parseAmount(formatAmount(units))).toBe(units);
    }),
    law,
  );
});
