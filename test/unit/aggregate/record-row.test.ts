import { expect, test } from 'vitest';
import { recordId, recordRow } from '../../../src/aggregate/record-row.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import type { AccountId, U64, ZoneId } from '../../../src/contracts/ids.ts';
import { sqlDateTime } from '../../../src/contracts/time.ts';
import type { UsageRow } from '../../../src/contracts/usage-row.ts';

const window = { startMs: 0, endMs: 3_600_000 };
const row: UsageRow = {
  key: 'k',
  usageType: 1,
  accountId: u64<AccountId>(3),
  domainId: u64(1),
  zoneId: u64<ZoneId>(1),
  description: `it's`,
  usageDisplay: '1 Hrs',
  rawUsage: 1,
  quantity: '3600000',
  vmInstanceId: null,
  vmName: null,
  offeringId: null,
  templateId: null,
  usageId: null,
  type: null,
  size: null,
  networkId: null,
  virtualSize: null,
  cpuSpeed: null,
  cpuCores: null,
  memory: null,
  isHidden: false,
  state: null,
  ...window,
  lineage: [],
};
const written = (columns: Partial<UsageRow>) =>
  recordRow(1, 0, window, { ...row, ...columns }, sqlDateTime);

test('the id is the first half of SHA-256 of the natural key', () => {
  expect(recordId('abc')).toBe('ba7816bf8f01cfea414140de5dae2223');
  expect(written({})).toContain(`'[\\"3\\",1`.replaceAll('\\"', '"'));
});

test.each<{ why: string; columns: Partial<UsageRow> }>([
  { why: 'a text beyond its column', columns: { description: 'x'.repeat(1025) } },
  { why: 'a key beyond its column', columns: { key: 'x'.repeat(512) } },
  { why: 'a 32-bit column above its range', columns: { memory: u64('4294967296') } },
  { why: 'an id that is no number', columns: { usageId: '1); DROP TABLE record' as U64 } },
  { why: 'a usage that is no number', columns: { rawUsage: Number.NaN } },
  { why: 'a usage below zero', columns: { rawUsage: -1 } },
  { why: 'a quantity of 21 digits', columns: { quantity: '1'.repeat(21) } },
  { why: 'a date before all dates', columns: { startMs: -1 } },
])('$why is a bug of the fold, never a cut or wrong row', ({ columns }) => {
  expect(() => written(columns)).toThrow(RangeError);
});

test('characters count, not UTF-16 units', () => {
  expect(written({ usageDisplay: '😀'.repeat(255) })).toContain('😀');
  expect(() => written({ usageDisplay: '😀'.repeat(256) })).toThrow(RangeError);
});
