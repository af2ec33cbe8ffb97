import { expect, test } from 'vitest';
import { cutAbove, incarnationOf } from '../../../src/tail/incarnations.ts';
import { judgeHistory } from '../../../src/tail/judge-history.ts';

test.each([
  { why: 'the source has more: nothing was lost', equal: 9n, held: 9n, verdict: 'continues' },
  { why: 'the source lost what came after', equal: 7n, held: 9n, verdict: 'forked' },
  { why: 'nothing agrees yet: look further back', equal: null, held: 9n, verdict: 'widen' },
  { why: 'nothing was compared yet: look further back', equal: null, held: null, verdict: 'widen' },
  {
    why: 'nothing agrees at all: another cloud',
    equal: null,
    held: 9n,
    whole: true,
    verdict: 'stranger',
  },
  {
    why: 'a feed without events can be of any',
    equal: null,
    held: null,
    whole: true,
    verdict: 'continues',
  },
])('$why', ({ equal, held, whole = false, verdict: kind }) => {
  const judged = judgeHistory({ highestEqual: equal, highestHeld: held, isWhole: whole });
  expect(judged).toEqual(kind === 'forked' ? { kind, aboveId: equal } : { kind });
});

test('an event belongs to the newest incarnation that begins below it', () => {
  expect(incarnationOf([], '5')).toBe(0);
  const once = cutAbove([], '100', 1);
  expect(['100', '101', '18446744073709551615'].map((id) => incarnationOf(once, id))).toEqual([
    0, 1, 1,
  ]);
  // A later backup keeps both, an earlier one begins before the former.
  const later = cutAbove(once, '200', 2);
  expect(['100', '200', '201'].map((id) => incarnationOf(later, id))).toEqual([0, 1, 2]);
  const earlier = cutAbove(later, '50', 3);
  expect(['50', '51', '300'].map((id) => incarnationOf(earlier, id))).toEqual([0, 3, 3]);
});
