import { expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import { compareRows } from '../../../src/domain/audit-rows.ts';
import type { WindowRows } from '../../../src/domain/audit-rows.ts';
import { storedRow } from '../../../src/domain/audit-row.ts';
import type { StoredRow, WantedRow } from '../../../src/domain/audit-row.ts';
import { RunIds } from '../../../src/domain/audit-runs.ts';

const dayStart = Date.UTC(2026, 4, 3);
const window = { startMs: dayStart, endMs: dayStart + 86_400_000 };
const plain = {
  ...{ usage_type: 6, usage_id: 9, raw_usage: '24', usage_display: '24 Hrs', account_id: 3 },
  ...{ start_date: '2026-05-03 00:00:00', end_date: '2026-05-03 23:59:59', quota_calculated: 0 },
};
const row = (id: number, cells: Record<string, string | number> = {}): StoredRow =>
  storedRow({ ...plain, id, ...cells });
const wanted = (cells: Record<string, string | number> = {}): WantedRow => row(0, cells);
const odd = { start_date: '2026-05-03 00:00:14' };
/** Job 2 was the first of the window; 3, from id 100 on, began before its end. */
const rerun = { jobId: '3', again: window, ...window };
const runs = new RunIds([rerun], new Map([['3', u64('100')]]));

const compare = (input: Partial<WindowRows>) => {
  const { kept, findings } = compareRows({
    ...{ window, jobId: '2', wanted: [], stored: [], runs },
    lookUp: () => ({ closedBy: null }),
    ...input,
  });
  return {
    kept,
    found: findings.map((one) => [one.kind, ...('row' in one ? [one.row.id] : [])].join(' ')),
  };
};

test.each<{ why: string; input: Partial<WindowRows>; kept: number; found: string[] }>([
  {
    why: 'of equal rows the lowest id is kept',
    input: { wanted: [wanted()], stored: [row(4), row(7), row(120)] },
    kept: 1,
    found: ['duplicate 7', 'duplicate 120'],
  },
  {
    why: 'two equal rows that the events make are both kept',
    input: { wanted: [wanted(), wanted()], stored: [row(4), row(7)] },
    kept: 2,
    found: [],
  },
  {
    why: 'the odd first window of a re-run has no original',
    input: { wanted: [wanted()], stored: [row(4), row(120, odd)] },
    kept: 1,
    found: ['rerun 120'],
  },
  {
    why: 'what only the odd window has is the row that is missing, otherwise written',
    input: { wanted: [wanted()], stored: [row(120, odd)] },
    kept: 0,
    found: ['differs 120'],
  },
  {
    why: 'a charged row is paired first, as it has to stay',
    input: {
      wanted: [wanted()],
      stored: [row(120, odd), row(130, { ...odd, quota_calculated: 1 })],
    },
    kept: 0,
    found: ['differs 130', 'rerun 120'],
  },
  {
    why: 'a type with dates of its own is told by its run',
    input: { stored: [row(120, { usage_type: 25, ...odd })] },
    kept: 0,
    found: ['rerun 120'],
  },
  {
    why: 'a row of a resource that had ended is a charge after deletion',
    input: { stored: [row(4)], lookUp: () => ({ closedBy: u64('77') }) },
    kept: 0,
    found: ['after-deletion 4'],
  },
  {
    why: 'a second row of a resource that is billed is surplus',
    input: {
      wanted: [wanted()],
      stored: [row(4), row(5, { size: 8 })],
      lookUp: () => ({ closedBy: u64('77') }),
    },
    kept: 1,
    found: ['surplus 5'],
  },
  {
    why: 'a row without any event stays, and its copies do not',
    input: { stored: [row(4), row(5), row(120)], lookUp: () => null },
    kept: 0,
    found: ['unfounded 4', 'duplicate 5', 'rerun 120'],
  },
  {
    why: 'bytes without a helper row are surplus: they need no event',
    input: { stored: [row(4, { usage_type: 4 })], lookUp: () => null },
    kept: 0,
    found: ['surplus 4'],
  },
  {
    why: 'of a polled type the rows of the first run are kept, whatever they say',
    input: {
      stored: [row(4, { usage_type: 29 }), row(120, { usage_type: 29, raw_usage: '25' })],
    },
    kept: 1,
    found: ['rerun 120'],
  },
  {
    why: "a VPN user's end is not judged",
    input: {
      wanted: [wanted({ usage_type: 14, raw_usage: '0.25', usage_display: '0.25 Hrs' })],
      stored: [row(4, { usage_type: 14, raw_usage: '0.5', usage_display: '0.5 Hrs' })],
    },
    kept: 0,
    found: ['vpn-clock 4'],
  },
  {
    why: 'what the events make and is not there is missing',
    input: { wanted: [wanted()] },
    kept: 0,
    found: ['missing'],
  },
])('$why', ({ input, kept, found }) => {
  expect(compare(input)).toEqual({ kept, found });
});
