import { expect, test } from 'vitest';
import { IdContest } from '../../../src/tail/id-contest.ts';

const minuteMs = 60_000;

test('a reader whose id is taken again and again gives up', () => {
  const contest = new IdContest();
  expect([0, 15_000, 30_000].map((atMs) => contest.isLasting(atMs))).toEqual([false, false, true]);
});

test('a reader whose id is taken now and then never gives up', () => {
  const contest = new IdContest();
  for (let times = 0; times < 10; times++) {
    const atMs = times * 3 * minuteMs;
    expect(contest.isLasting(atMs)).toBe(false);
    expect(contest.isLasting(atMs + 1000)).toBe(false);
  }
});
