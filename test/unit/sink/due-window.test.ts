import { expect, test } from 'vitest';
import { isDue, isPublishedUntil } from '../../../src/sink/due-window.ts';
import type { Generation } from '../../../src/sink/generation.ts';

const day = 86_400_000;
const generation: Generation = {
  id: 1,
  name: 'g',
  feedTopic: 'feed',
  feedPartitions: 1,
  spec: { rangeMinutes: 1440, timeZone: 'GMT' },
};
const frontier = (closedUntilMs: number | null, next: number | null) => ({
  closedUntilMs,
  publishedUntilMs: null,
  next: next === null ? null : { startMs: next * day, endMs: (next + 1) * day },
});

test.each([
  {
    closed: null,
    next: 0,
    due: false,
    why: 'nothing is due before every partition has closed one',
  },
  { closed: day - 1, next: 0, due: false, why: 'a window is not due before its last millisecond' },
  { closed: day, next: 0, due: true, why: 'a window is due once it is closed' },
  { closed: 3 * day, next: null, due: false, why: 'nothing is due while the first is not known' },
])('$why', ({ closed, next, due }) => {
  expect(isDue(frontier(closed, next))).toBe(due);
});

test.each([
  { closed: null, next: null, until: day, done: false, why: 'nobody has closed anything' },
  { closed: day, next: 0, until: day, done: false, why: 'a window that ends by then is left' },
  { closed: day, next: 1, until: day, done: true, why: 'all that end by then are published' },
  { closed: day, next: 1, until: 2 * day - 1, done: true, why: 'the next ends later' },
  {
    closed: day,
    next: 1,
    until: 2 * day,
    done: false,
    why: 'one that ends just then is not closed',
  },
  { closed: 2 * day, next: null, until: 2 * day, done: true, why: 'there was nothing to publish' },
])('done by a time: $done when $why', ({ closed, next, until, done }) => {
  expect(isPublishedUntil(frontier(closed, next), until, generation)).toBe(done);
});
