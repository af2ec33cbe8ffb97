import { expect, test } from 'vitest';
import { adoptedLayout } from '../../../src/tail/adopted-change.ts';
import { capturedTable } from '../../../src/tail/captured-tables.ts';
import { PartitionScan } from '../../../src/tail/raw-end.ts';
import { RawRest } from '../../../src/tail/raw-rest.ts';
import { ownVersion } from '../../../src/tail/tail-options.ts';
import { debeziumEvent } from '../../support/debezium-event.ts';

const file = 'b.000001';
const layout = adoptedLayout('cloud', capturedTable('usage_event')!);
/** Event n lies at 100 n. */
const record = (id: number, key = `{"id":${id}}`) => ({
  key: Buffer.from(key),
  value: Buffer.from(debeziumEvent('acs', id)),
});
const ofOurs = (id: number) => ({
  ...record(id),
  value: Buffer.from(debeziumEvent('acs', id).replace('"version":"x', `"version":"${ownVersion}x`)),
});

type Seen = Parameters<PartitionScan['saw']>[0];
function scan(records: readonly Seen[], more: object = {}): PartitionScan {
  const at = { layout, partition: 0, partitions: 1, after: { file, pos: 200 }, sinceMs: 0 };
  const made = new PartitionScan({ ...at, ...more });
  for (const each of records) made.saw(each);
  return made;
}

test.each([
  { why: 'the last after the offset', records: [record(1), record(2), record(3)], pos: 300 },
  { why: 'none before the offset', records: [record(1)], pos: undefined },
  {
    why: 'the highest, not the last, when some were sent twice',
    records: [record(1), record(3), record(4), record(3)],
    pos: 400,
  },
  {
    why: 'none that we wrote, nor any before ours',
    records: [record(3), ofOurs(4)],
    pos: undefined,
  },
  { why: 'what came after ours', records: [ofOurs(1), record(2)], pos: 200 },
])('the end of a partition is $why', ({ records, pos }) => {
  expect(scan(records).end?.pos).toBe(pos);
});

const keyChange = (op: 'c' | 'd', key: string) => {
  const event = JSON.parse(debeziumEvent('acs', 3)) as { after: unknown };
  const value = op === 'd' ? { ...event, op, before: event.after, after: null } : event;
  return { key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) };
};
const moved = {
  delete: keyChange('d', '{"id":2}'),
  tombstone: { key: Buffer.from('{"id":2}'), value: null },
  create: keyChange('c', '{"id":3}'),
};
test.each([
  { why: 'a delete', records: [moved.delete], count: 1 },
  { why: 'with its tombstone', records: [moved.delete, moved.tombstone], count: 2 },
  { why: 'all three', records: [moved.delete, moved.tombstone, moved.create], count: 3 },
  { why: 'a delete, sent again', records: [moved.delete, moved.delete], count: 1 },
  {
    why: 'two, and the first of them again',
    records: [moved.delete, moved.tombstone, moved.delete],
    count: 2,
  },
  { why: 'only the create, sent again', records: [moved.create, moved.create], count: 1 },
])('of a change of a key it is said how many records are there: $why', ({ records, count }) => {
  expect(scan(records).end).toEqual({ file, pos: 300, row: 0, records: count });
});

test('what is of a history that was left is no end', () => {
  const found = scan([record(3)], { sinceMs: 2000 });
  expect([found.end, found.isWhole]).toEqual([null, true]);
});

test.each([
  { why: 'a key in another partition', key: '{"id":3}', partition: 1 },
  { why: 'a key with its schema', key: '{"schema":{},"payload":{"id":3}}', partition: 0 },
])('$why is not where our keys go', ({ key, partition }) => {
  const { isByKey } = scan([record(3, key)], { partitions: 1, partition });
  expect(isByKey).toBe(false);
});

test('a place of an older version is the end of every partition', () => {
  const rest = new RawRest({ file, pos: 300, row: 0 }, 4);
  const records = [{ topic: 't', partition: null, key: '{"id":3}', value: 'x' }];
  const missing = (pos: number, row: number) =>
    rest.missing({ table: 'usage_event', position: { gtid: null, file, pos, row } }, records);
  expect([missing(100, 0), missing(300, 0), missing(300, 1)]).toEqual([[], [], records]);
  expect(rest.afterPassing({ file, pos: 300 })).toEqual({ file, pos: 300, row: 0 });
  expect(rest.afterPassing({ file, pos: 301 })).toBeNull();
});
