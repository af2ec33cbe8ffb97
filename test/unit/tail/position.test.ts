import { expect, test } from 'vitest';
import { isAppError } from '../../../src/platform/errors.ts';
import { GtidPosition } from '../../../src/tail/gtid-position.ts';
import { decodePosition, encodePosition } from '../../../src/tail/position.ts';
import type { PositionRecord } from '../../../src/tail/position.ts';

const record: PositionRecord = {
  v: 1,
  source: 'acs',
  incarnation: 0,
  serverId: 1,
  file: 'bin.000002',
  pos: 4711,
  gtid: '0-1-25',
  watermarkMs: null,
  feedPartitions: 8,
  accounts: 12,
  atMs: 17,
  fileMs: 1772319600000,
  lastXid: { pos: 4680, xid: '18446744073709551615' },
  serverUuid: null,
  newestEvent: { id: '18446744073709551615', hash: '0123456789abcdef' },
  cuts: [{ incarnation: 1, aboveId: '100' }],
  healed: null,
  poll: null,
  snapshot: {
    startedMs: 5,
    maxEventId: '18446744073709551615',
    table: 'usage_event',
    rows: 3,
    after: ['2026-03-01 00:00:00', '9007199254740993'],
  },
};

test('a position is read as it was written', () => {
  const { key, value } = encodePosition('acs', record);
  expect(key).toBe('acs');
  expect(decodePosition(String(value))).toEqual(record);
});

test('a position above 32 bits is read as it was written', () => {
  const { value } = encodePosition('acs', { ...record, pos: 5e9 });
  expect(decodePosition(String(value)).pos).toBe(5_000_000_000);
});

test('a position that an older version wrote has had one incarnation and was never healed', () => {
  const { fileMs, lastXid, serverUuid, newestEvent, cuts, healed, poll, accounts, ...old } = record;
  expect(decodePosition(JSON.stringify(old))).toEqual({
    ...record,
    fileMs: null,
    lastXid: null,
    serverUuid: null,
    newestEvent: null,
    cuts: [],
    accounts: null,
  });
  expect([fileMs, lastXid, serverUuid, newestEvent, cuts, healed, poll, accounts]).not.toContain(
    undefined,
  );
});

test.each([
  '',
  '{}',
  '[1]',
  JSON.stringify({ ...record, v: 2 }),
  JSON.stringify({ ...record, pos: -1 }),
])('what is no position of this version is refused: %s', (text) => {
  expect(() => decodePosition(text)).toThrowError(
    expect.toSatisfy((error) => isAppError(error, 'LOG_TOPIC_MISMATCH')),
  );
});

test('a GTID position keeps the last transaction of each domain, even when its number runs back', () => {
  const position = new GtidPosition('0-1-100,10-2-7');
  position.add('10-2-8');
  position.add('0-3-90');
  expect(position.toString()).toBe('0-3-90,10-2-8');
  expect(new GtidPosition(null).toString()).toBe('');
});
