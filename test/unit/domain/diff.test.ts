import { expect, test } from 'vitest';
import { compareGroup, diffColumns, likenessKey } from '../../../src/domain/diff.ts';
import type { DiffRow } from '../../../src/domain/diff.ts';
import { dateMs, javaFaultOf } from '../../../src/domain/java-fault.ts';
import type { JavaEvidence } from '../../../src/domain/java-fault.ts';

const day = Date.UTC(2026, 2, 1);
const empty = Object.fromEntries(diffColumns.map((column) => [column, null])) as DiffRow['cells'];

function row(
  usageId: string,
  hours: string,
  more: Partial<DiffRow['cells']> = {},
  rest: Partial<DiffRow> = {},
): DiffRow {
  const cells = {
    ...empty,
    ...{ zone_id: '1', usage_id: usageId, vm_instance_id: usageId, offering_id: '3' },
    ...{ raw_usage: hours, start_date: '2026-03-01 00:00:00', end_date: '2026-03-01 23:59:59' },
    ...more,
  };
  const key = likenessKey(1, cells);
  return {
    ...{ accountId: '7', usageType: 1, windowStartMs: day, key, cells },
    ...{ recordId: null, correction: null, events: [] },
    ...rest,
  };
}

const compared = (left: readonly DiffRow[], right: readonly DiffRow[]) => {
  const { equal, differences } = compareGroup(left, right);
  const short = differences.map((one) =>
    [
      one.class,
      one.left?.cells.usage_id ?? '-',
      one.right?.cells.usage_id ?? '-',
      ...one.columns,
    ].join(' '),
  );
  return [equal, ...short];
};

test.each([
  { why: 'two empty sides are equal', left: [], right: [], is: [0] },
  { why: 'equal rows are equal', left: [row('1', '24')], right: [row('1', '24')], is: [1] },
  {
    why: 'order does not count',
    left: [row('1', '24'), row('2', '5')],
    right: [row('2', '5'), row('1', '24')],
    is: [2],
  },
  {
    why: 'another quantity differs, in that column',
    left: [row('1', '24')],
    right: [row('1', '23')],
    is: [0, 'differs 1 1 raw_usage'],
  },
  {
    why: 'what only the left has is missing',
    left: [row('1', '24')],
    right: [],
    is: [0, 'missing 1 -'],
  },
  {
    why: 'what only the right has is surplus',
    left: [],
    right: [row('1', '24')],
    is: [0, 'surplus - 1'],
  },
  {
    why: 'a row that is there again is a duplicate, not surplus',
    left: [row('1', '24')],
    right: [row('1', '24'), row('1', '24')],
    is: [1, 'duplicate - 1'],
  },
  {
    why: 'a second row of a key, with other content, is a duplicate too',
    left: [row('1', '24'), row('1', '7')],
    right: [row('1', '24')],
    is: [1, 'duplicate 1 -'],
  },
  {
    why: 'rows on both sides twice are equal twice',
    left: [row('1', '24'), row('1', '24')],
    right: [row('1', '24'), row('1', '24')],
    is: [2],
  },
  {
    why: 'another offering is the same row where the resource has one on each side',
    left: [row('1', '24')],
    right: [row('1', '24', { offering_id: '4' })],
    is: [0, 'differs 1 1 offering_id'],
  },
  {
    why: 'with two of a resource on one side nothing is guessed',
    left: [row('1', '24')],
    right: [row('1', '9', { offering_id: '4' }), row('1', '9', { offering_id: '5' })],
    is: [0, 'missing 1 -', 'surplus - 1', 'surplus - 1'],
  },
  {
    why: 'an adjustment is another row than the one it adjusts',
    left: [
      row('1', '24'),
      row('1', '1', { description: 'Adjustment for 2026-02-28 00:00:00: vm' }),
    ],
    right: [row('1', '24')],
    is: [1, 'missing 1 -'],
  },
  {
    why: 'rows that are equal but for a key that a quirk makes are equal',
    left: [row('1', '24', {}, { key: '["7",1,"131",0,"usage"]' })],
    right: [row('1', '24', {}, { key: '["7",1,"1/3/1",0,"usage"]' })],
    is: [1],
  },
])('$why', ({ left, right, is }) => {
  expect(compared(left, right)).toEqual(is);
});

const evidence: JavaEvidence = {
  window: { startMs: day, endMs: day + 86_400_000 },
  runs: [{ startMs: day, endMs: day + 86_400_000 }],
  ...{ absent: new Set(), stuck: new Set(), stuckResources: new Set(), corrected: new Set() },
};
const missing = (theirs: DiffRow | null, ours: DiffRow | null) =>
  ({ class: 'differs', left: theirs, right: ours, columns: [] }) as const;

test.each([
  {
    why: 'a row again is a duplicate',
    difference: { class: 'duplicate', left: row('1', '24'), right: null, columns: [] } as const,
    is: 'duplicate',
  },
  {
    why: 'a row that begins in the last minute of the window before makes a longer window',
    difference: missing(row('1', '24', { start_date: '2026-03-01 23:59:30' }), null),
    is: 'merged-minute',
  },
  {
    why: 'a row that begins anywhere else off the grid was pulled back',
    difference: missing(row('1', '10', { start_date: '2026-03-01 13:00:00' }), null),
    is: 'pull-back',
  },
  {
    why: 'an adjustment of ours is for a late event',
    difference: missing(null, row('1', '1', { description: 'Adjustment for 2026-02-28: vm' })),
    is: 'late-event',
  },
  {
    why: 'an event that the server never copied is a late id',
    difference: missing(null, row('1', '24', {}, { events: ['12'] })),
    more: { absent: new Set(['12']) },
    is: 'late-id',
  },
  {
    why: 'an event that it copied and never used was undone',
    difference: missing(null, row('1', '24', {}, { events: ['12'] })),
    more: { stuck: new Set(['12']) },
    is: 'undo',
  },
  {
    why: 'so was one of a resource that it bills and we do not',
    difference: missing(row('1', '24'), null),
    more: { stuckResources: new Set(['1']) },
    is: 'undo',
  },
  {
    why: 'a resource that a late event corrected here was computed again there',
    difference: missing(row('1', '24'), row('1', '23')),
    more: { corrected: new Set(['1']) },
    is: 'late-event',
  },
  {
    why: 'a window that no run computed alone is one of a catch-up',
    difference: missing(row('1', '24'), row('1', '23')),
    more: { runs: [] },
    is: 'catch-up',
  },
  {
    why: 'with a run on time and nothing else known there is no reason',
    difference: missing(row('1', '24'), row('1', '23')),
    is: null,
  },
  {
    why: 'nor without the runs',
    difference: missing(row('1', '24'), row('1', '23')),
    more: { runs: null },
    is: null,
  },
])('$why', ({ difference, more, is }) => {
  expect(javaFaultOf(difference, 'left', { ...evidence, ...more })).toBe(is);
});

test.each([
  ['1970-01-01 00:00:00', 0],
  ['2026-03-01 00:00:00', day],
  ['2024-02-29 23:59:59', Date.UTC(2024, 1, 29, 23, 59, 59)],
  ['2000-12-31 12:00:00', Date.UTC(2000, 11, 31, 12)],
  ['NULL', null],
  [null, null],
])('the instant of %s in GMT', (text, ms) => {
  expect(dateMs(text)).toBe(ms);
});
