import { expect, test } from 'vitest';
import type { RowFinding } from '../../../src/domain/audit-rows.ts';
import { storedRow } from '../../../src/domain/audit-row.ts';
import { AuditTally } from '../../../src/domain/audit-tally.ts';

const place = {
  ...{ accountId: '3', windowStart: '2026-05-03 00:00:00', windowEnd: '2026-05-03 23:59:59' },
  ...{ jobId: '7', chargedFrom: '2026-05-04 00:00:00' },
};
const row = (raw: string, charged = 0) =>
  storedRow({ id: 4, usage_type: 1, raw_usage: raw, quota_calculated: charged });
const differs = (has: string, right: string, charged: number): RowFinding => ({
  ...{ kind: 'differs', row: row(has, charged), wanted: row(right) },
});

test.each<{ why: string; finding: RowFinding; billed: string | null | undefined; repairs: number }>(
  [
    {
      why: 'what is missing before a charge is to be settled',
      ...{ finding: { kind: 'missing', wanted: row('24') }, billed: null, repairs: 0 },
    },
    {
      why: 'a pending row before a charge is deleted, and what is correct is to be settled',
      ...{ finding: differs('10', '24', 0), billed: null, repairs: 1 },
    },
    {
      why: 'of a charged row that is too short the rest is to be settled',
      ...{ finding: differs('10', '24', 1), billed: '10', repairs: 0 },
    },
    {
      why: 'of a charged row that is too long there is a credit, and nothing else',
      ...{ finding: differs('24', '10', 1), billed: undefined, repairs: 0 },
    },
    {
      why: 'a charged row of the right amount needs nothing',
      ...{ finding: differs('24', '24', 1), billed: undefined, repairs: 0 },
    },
    {
      why: 'a surplus row is no correction',
      ...{ finding: { kind: 'surplus', row: row('24') }, billed: undefined, repairs: 1 },
    },
  ],
)('$why', ({ finding, billed, repairs }) => {
  const tally = new AuditTally();
  tally.row(finding, place);
  expect(tally.corrections[0]?.billed).toBe(billed);
  expect(tally.repairable).toBe(repairs);
});

test('findings are counted without end, and listed up to twenty of a kind', () => {
  const tally = new AuditTally();
  for (let at = 0; at < 50; at += 1) tally.row({ kind: 'surplus', row: row('24') }, place);
  expect(tally.counts('account')).toEqual([{ of: '3', kind: 'surplus', rows: 50, charged: 0 }]);
  expect(tally.counts('job')).toEqual([{ of: '7', kind: 'surplus', rows: 50, charged: 0 }]);
  expect(tally.examples['surplus']).toHaveLength(20);
});
