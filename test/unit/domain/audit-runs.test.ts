import { expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import { RunFinder, RunIds } from '../../../src/domain/audit-runs.ts';
import type { Rerun } from '../../../src/domain/audit-jobs.ts';

const rerun = (jobId: string): Rerun => ({
  ...{ jobId, again: { startMs: 0, endMs: 1 }, startMs: 0, endMs: 2 },
});

type Row = readonly [start: string, end: string, account: number, removed?: boolean];

function find(rows: readonly Row[], jobs: readonly string[]) {
  const finder = new RunFinder();
  for (const [at, [startDate, endDate, accountId, isRemoved = false]] of rows.entries())
    finder.push({ id: u64(at + 1), accountId: u64(accountId), isRemoved, startDate, endDate });
  const ids = finder.firstIds(jobs.map(rerun));
  return ids && [...ids];
}

test.each<{ why: string; rows: Row[]; jobs: string[]; found: [string, string][] | null }>([
  {
    why: 'runs that go on where the last ended are one',
    rows: [
      ['1', '2', 3],
      ['3', '4', 3],
    ],
    jobs: [],
    found: [],
  },
  {
    why: 'a window that ends earlier begins a run',
    rows: [
      ['1', '2', 3],
      ['3', '4', 3],
      ['1', '2', 3],
    ],
    jobs: ['7'],
    found: [['7', '3']],
  },
  {
    why: 'a window with the same end and another start begins a run',
    rows: [
      ['10', '20', 3],
      ['11', '20', 3],
    ],
    jobs: ['7'],
    found: [['7', '2']],
  },
  {
    why: 'the same window begins again with a living account of a lower id',
    rows: [
      ['1', '2', 3],
      ['1', '2', 4],
      ['1', '2', 3],
    ],
    jobs: ['7'],
    found: [['7', '3']],
  },
  {
    why: 'removed accounts come last, by id',
    rows: [
      ['1', '2', 4],
      ['1', '2', 3, true],
    ],
    jobs: [],
    found: [],
  },
  {
    why: 'runs are not told apart when usage_job has another number of them',
    rows: [['1', '2', 3]],
    jobs: ['7'],
    found: null,
  },
])('$why', ({ rows, jobs, found }) => {
  expect(find(rows, jobs)).toEqual(found);
});

test('a row is of the last re-run that began before it', () => {
  const ids = new Map([
    ['9', u64('20')],
    ['10', u64('100')],
  ]);
  const runs = new RunIds([rerun('9'), rerun('10')], ids);
  expect(['5', '20', '99', '100'].map((id) => runs.jobOf(u64(id)))).toEqual([null, '9', '9', '10']);
  expect(runs.isAfter(u64('50'), '8')).toBe(true);
  expect(runs.isAfter(u64('50'), '9')).toBe(false);
  expect(runs.isAfter(u64('100'), '9')).toBe(true);
  expect(runs.isAfter(u64('100'), '10')).toBe(false);
});
