import { expect, test } from 'vitest';
import { leaks, median, slowTakeOvers, summaryLine } from '../../chaos/verdicts.ts';

test('a run of chaos ends with a line of five figures', () => {
  const total = { runs: 2, faults: 31, compared: 9000, lost: 1, doubled: 0 };
  expect(summaryLine({ ...total, wrong: 5 } as typeof total)).toBe(
    'runs 2, faults 31, rows compared 9000, lost 1, doubled 0',
  );
});

const soaked = (...descriptors: readonly number[]) => ({
  processes: [
    {
      name: 'sink 1',
      samples: descriptors.map((n, i) => ({ minute: i + 1, rssMb: 1, descriptors: n })),
    },
  ],
});

test.each([
  [[], 0],
  [[7], 7],
  [[9, 1], 1],
  [[9, 1, 5], 5],
])('the median of %j is %i', (values, expected) => expect(median(values)).toBe(expected));

test('a median above ten seconds is too slow, a single slow try is not', () => {
  const took = (...tookMs: number[]) => [{ stage: 'tail', how: 'SIGKILL', tookMs } as const];
  expect(slowTakeOvers(took(9000, 10_000, 30_000))).toEqual([]);
  expect(slowTakeOvers(took(9000, 10_001, 10_002))).toEqual(['tail SIGKILL: median 10001 ms']);
});

test('a way to stop that was never measured is no success', () => {
  expect(slowTakeOvers([{ stage: 'sink', how: 'SIGSTOP', tookMs: [] }])).toHaveLength(1);
});

test('descriptors that grow over the whole run are a leak', () => {
  expect(leaks(soaked(25, 28, 31, 34, 37, 40))).toEqual(['sink 1: descriptors grew from 28 to 37']);
});

test.each([
  ['the same all the time', [25, 25, 25, 25, 25, 25]],
  ['fewer in the end', [31, 30, 29, 28, 28, 28]],
  ['a peak that passes', [25, 26, 60, 61, 26, 25]],
  ['some sockets more', [25, 25, 26, 27, 28, 30]],
  ['a single sample', [25]],
  ['no sample', []],
])('no leak is %s', (_, descriptors) => expect(leaks(soaked(...descriptors))).toEqual([]));
