import { expect, test } from 'vitest';
import { crashPoints } from '../../../src/platform/crash-points.ts';
import type { CrashPoint } from '../../../src/platform/crash-points.ts';
import { reachablePoints } from '../../chaos/crash-schedule.ts';

/** Passed by a first start, by an end, or by a transaction larger than memory: no run under attack waits for them. */
const outOfReach: readonly CrashPoint[] = [
  'tail.snapshot-begun',
  'tail.snapshot-before-chunk-commit',
  'tail.snapshot-after-chunk-commit',
  'tail.snapshot-done',
  'tail.placement-before-commit',
  'tail.part-written',
  'tail.before-end',
  'sink.before-lease-release',
];

test('every crash point of a stage is drawn by schedules, or known to be out of their reach', () => {
  const drawn = Object.entries(reachablePoints).flatMap(([stage, points]) =>
    points.map(([at]) => (expect(at.startsWith(`${stage}.`)).toBe(true), at)),
  );
  const ofStages = crashPoints.filter((point) => /^(tail|aggregate|sink)\./.test(point));
  expect([...drawn, ...outOfReach].toSorted()).toEqual(ofStages.toSorted());
});
