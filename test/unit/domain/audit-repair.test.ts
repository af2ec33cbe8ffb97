import { expect, test } from 'vitest';
import {
  actionFor,
  formatAmount,
  overchargeOf,
  parseAmount,
  shareOf,
} from '../../../src/domain/audit-repair.ts';
import type { RowFinding } from '../../../src/domain/audit-rows.ts';
import { storedRow } from '../../../src/domain/audit-row.ts';
import { findPoison } from '../../../src/domain/audit-poison.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import type { EventId } from '../../../src/contracts/ids.ts';

const row = (charged: boolean, raw = '24', hidden = false) =>
  storedRow({
    id: 4,
    raw_usage: raw,
    quota_calculated: Number(charged),
    is_hidden: Number(hidden),
  });
const surplus = (charged: boolean, hidden = false): RowFinding => ({
  kind: 'surplus',
  row: row(charged, '24', hidden),
});
const differs = (charged: boolean, right: string): RowFinding => ({
  ...{ kind: 'differs', row: row(charged), wanted: row(false, right) },
});
const missing: RowFinding = { kind: 'missing', wanted: row(false) };
const start = '2026-05-03 00:00:00';

test.each<{ why: string; finding: RowFinding; hide?: boolean; charged?: string; action: string }>([
  { why: 'a surplus row is deleted', finding: surplus(false), action: 'delete' },
  { why: 'a charged one never is', finding: surplus(true), action: 'settle' },
  { why: 'a charged one may be hidden', finding: surplus(true), hide: true, action: 'hide' },
  { why: 'once only', finding: surplus(true, true), hide: true, action: 'settle' },
  { why: 'a wrong row is replaced', finding: differs(false, '10'), action: 'replace' },
  {
    ...{ why: 'a wrong row before one that was charged is deleted only', action: 'delete' },
    ...{ finding: differs(false, '10'), charged: start },
  },
  { why: 'a charged wrong row stays', finding: differs(true, '10'), action: 'settle' },
  { why: 'a missing row is added', finding: missing, action: 'insert' },
  {
    ...{ why: 'also after what was charged', finding: missing, action: 'insert' },
    charged: '2026-05-02 00:00:00',
  },
  {
    ...{ why: 'not into a window that was charged', finding: missing, action: 'settle' },
    charged: start,
  },
  {
    ...{ why: 'not before one that was charged', finding: missing, action: 'settle' },
    charged: '2026-05-09 00:00:00',
  },
  {
    ...{ why: 'what no event explains is left', action: 'leave' },
    finding: { kind: 'unfounded', row: row(false) },
  },
])('$why', ({ finding, hide = false, charged = null, action }) => {
  const rules = { hideCharged: hide, chargedFrom: charged };
  expect(actionFor(finding, start, rules).kind).toBe(action);
});

test.each([
  { why: 'a charged surplus row is owed whole', finding: surplus(true), owed: '1.20000000' },
  { why: 'one that was not charged is owed nothing', finding: surplus(false), owed: null },
  {
    why: 'of a row that is too long its part is owed',
    finding: differs(true, '6'),
    owed: '0.90000000',
  },
  { why: 'of a row that is too short nothing', finding: differs(true, '30'), owed: null },
])('$why', ({ finding, owed }) => {
  const overcharge = overchargeOf(finding);
  expect(overcharge && formatAmount(shareOf('1.2', overcharge))).toBe(owed);
});

test('amounts are exact to the eighth decimal, and halves go up', () => {
  expect(formatAmount(parseAmount('123456789012.00000001'))).toBe('123456789012.00000001');
  expect(shareOf('0.00000001', { surplus: 1, of: 2 })).toBe(1n);
  expect(shareOf('0.00000003', { surplus: 1, of: 3 })).toBe(1n);
  expect(() => parseAmount('-1')).toThrow(RangeError);
});

test('poison is the last event that cannot be stored, or else the last of all', () => {
  const event = (id: number, created: string) => ({
    ...{ id: u64<EventId>(id), type: 'VOLUME.CREATE', accountId: '3', created },
  });
  expect(findPoison(null, [])).toBeNull();
  expect(findPoison(event(9, start), [])).toMatchObject({ event: { id: '9' } });
  const named = [9, 10].map((id) => ({ event: event(id, start), why: `key of ${id}` }));
  expect(findPoison(event(11, start), named.toReversed())).toEqual(named[1]);
});
