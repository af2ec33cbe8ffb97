import { expect, test } from 'vitest';
import { firstBilled, jobHistory, windowsOfSpan } from '../../../src/domain/audit-jobs.ts';
import type { FinishedJob } from '../../../src/domain/audit-jobs.ts';

const day = 86_400_000;
const minute = 60_000;
/** Job over half-open time. */
const job = (id: number, startMs: number, toMs: number, isSuccess = true): FinishedJob => ({
  ...{ id: String(id), startMs, endMs: toMs - 1, isSuccess },
});
const spans = (startMs: number, endMs: number) =>
  [...windowsOfSpan({ startMs, endMs }, day)].map((one) => [one.startMs, one.endMs]);

test.each([
  { from: 0, to: day, windows: [[0, day]], why: 'a day is a window' },
  {
    ...{ from: 0, to: 2 * day, why: 'windows are counted back from the end' },
    windows: [
      [0, day],
      [day, 2 * day],
    ],
  },
  {
    ...{ from: day - 3_600_000, to: 2 * day, why: 'what is left before them is a window' },
    windows: [
      [day - 3_600_000, day],
      [day, 2 * day],
    ],
  },
  {
    ...{ from: day - minute, to: 2 * day, why: 'a minute or less belongs to the next window' },
    windows: [[day - minute, 2 * day]],
  },
  {
    ...{ from: day - minute - 1000, to: 2 * day, why: 'a second more is a window' },
    windows: [
      [day - minute - 1000, day],
      [day, 2 * day],
    ],
  },
  { from: 0, to: 5000, windows: [[0, 5000]], why: 'time shorter than a range is one window' },
])('$why', ({ from, to, windows }) => {
  expect(spans(from, to)).toEqual(windows);
});

test('each run bills first what lies after all that was billed; what it repeats is told', () => {
  const history = jobHistory([
    job(1, 0, day),
    job(2, day, day - 1, false),
    job(3, day / 2, 2 * day),
    job(4, 2 * day, 3 * day, false),
    job(5, day / 2, 3 * day),
  ]);
  expect(history.bogus).toEqual(['2']);
  expect(history.reruns.map(({ jobId, again }) => [jobId, again.startMs, again.endMs])).toEqual([
    ['3', day / 2, day],
    ['5', day / 2, 2 * day],
  ]);
  const windows = [...firstBilled(history, day)];
  expect(windows.map(({ jobId, window }) => [jobId, window.startMs / day])).toEqual([
    ['1', 0],
    ['3', 1],
    ['5', 2],
  ]);
});
