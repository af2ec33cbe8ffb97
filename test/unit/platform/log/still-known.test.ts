import { expect, test } from 'vitest';
import { stillKnown } from '../../../../src/platform/log/hanging-transaction.ts';

const at = (epoch: number, committed?: boolean, producerId = 7n) => ({
  committed,
  producerId,
  epoch,
});

test.each([
  {
    why: 'what the coordinator knows is better than what was kept',
    seen: at(5, true),
    kept: at(5, false),
    outcome: true,
  },
  { why: 'nothing was kept', seen: at(5), kept: undefined, outcome: undefined },
  { why: 'our own attempt took the id', seen: at(5), kept: at(5, true), outcome: true },
  { why: 'the answer to our attempt was lost', seen: at(6), kept: at(5, false), outcome: false },
  {
    why: 'two have had the id since: the first may have written',
    seen: at(7),
    kept: at(5, true),
    outcome: undefined,
  },
  {
    why: 'epochs were used up, and another producer took its place',
    seen: at(0, undefined, 8n),
    kept: at(5, true),
    outcome: undefined,
  },
])('the outcome of the last transaction: $why', ({ seen, kept, outcome }) => {
  expect(stillKnown(seen, kept)).toEqual({ ...seen, committed: outcome });
});

test('of an id that the coordinator does not know nothing is known', () => {
  expect(stillKnown(undefined, at(5, true))).toBeUndefined();
});
