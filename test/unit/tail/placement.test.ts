import { expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import { longestHoldMs, Placements, routedPartition } from '../../../src/tail/placement.ts';
import type { KnownPlacements } from '../../../src/tail/placement.ts';

const known = (part: Partial<KnownPlacements> = {}): KnownPlacements => ({
  partitions: new Map(),
  slices: new Map(),
  held: new Map(),
  byZone: false,
  ...part,
});

// Expected values by the formula (sum of Long.hashCode, sign dropped, modulo), worked out in Java's terms by hand.
test.each([
  ['2', 8, 2],
  ['11', 8, 3],
  ['4294967296', 8, 1],
  ['4294967297', 8, 0],
  ['2147483648', 7, 0],
  ['18446744073709551615', 8, 0],
  ['9223372036854775808', 3, 0],
  ['9223372036854775809', 3, 1],
])('account %s of %i partitions goes to %i', (account, partitions, expected) =>
  expect(routedPartition(u64<AccountId>(account), partitions)).toBe(expected),
);

test('a new account is written down once, a known one stays where it was put', () => {
  const placements = new Placements(
    'p',
    8,
    known({ partitions: new Map([[u64<AccountId>(11), 5]]) }),
  );
  expect(placements.partitionOf(u64(11))).toBe(5);
  expect(placements.partitionOf(u64(2))).toBe(2);
  expect(placements.partitionOf(u64(2))).toBe(2);
  expect(placements.takeNew()).toEqual([
    {
      topic: 'p.placement',
      partition: 0,
      key: '2',
      value: '{"v":1,"account":"2","partition":2,"homeZone":null}',
    },
  ]);
  expect(placements.takeNew()).toEqual([]);
});

const plan = { fixed: new Map([['1', [0, 1]]]), auto: 2 };
const written = (placements: Placements) =>
  placements.takeNew().map(({ key, value }) => [key, JSON.parse(String(value))]);

test('an account lives in the slice of the first zone it is seen in, whatever zones come later', () => {
  const placements = new Placements('p', 8, known(), plan);
  expect(placements.partitionOf(u64(11), '1')).toBe(1);
  expect(placements.partitionOf(u64(11), '7')).toBe(1);
  expect(written(placements)).toEqual([
    ['11', { v: 1, account: '11', partition: 1, homeZone: '1' }],
  ]);
});

test('a zone that nobody named gets the next free partitions, once, and keeps them over a restart', () => {
  const placements = new Placements('p', 8, known(), plan);
  expect([4, 5].map((id) => placements.partitionOf(u64(id), '9'))).toEqual([2, 3]);
  expect([4, 5].map((id) => placements.partitionOf(u64(id + 4), '10'))).toEqual([4, 5]);
  const slices = new Map(
    written(placements)
      .filter(([key]) => String(key).startsWith('zone/'))
      .map(([, { zone, partitions }]) => [zone, partitions]),
  );
  expect(slices).toEqual(
    new Map([
      ['9', [2, 3]],
      ['10', [4, 5]],
    ]),
  );
  const again = new Placements('p', 8, known({ slices }), plan);
  expect([12, 13].map((id) => again.partitionOf(u64(id), '10'))).toEqual([4, 5]);
});

test('an account without a zone lives on the partitions that no zone was given', () => {
  const placements = new Placements('p', 4, known(), {
    fixed: new Map([['1', [0, 1, 2]]]),
    auto: 0,
  });
  expect([1, 2, 3].map((id) => placements.partitionOf(u64(id), null))).toEqual([3, 3, 3]);
});

test('what names no zone waits for its account, newest of each thing, and is released once', () => {
  const placements = new Placements('p', 8, known(), plan);
  expect(placements.hold(u64(6), 'account/6', 'old', null)).toBe(true);
  expect(placements.hold(u64(6), 'account/6', 'new', 50)).toBe(true);
  expect(placements.hold(u64(6), 'template/3', 'other', 60)).toBe(true);
  const [[key, record]] = written(placements) as [[string, { held: never }]];
  expect([key, record]).toMatchObject(['6', { partition: null, held: { sinceMs: 50 } }]);
  const restarted = new Placements(
    'p',
    8,
    known({ held: new Map([[u64<AccountId>(6), record.held]]) }),
    plan,
  );
  restarted.partitionOf(u64(6), '1');
  expect(restarted.release(u64(6))).toEqual(['new', 'other']);
  expect(restarted.release(u64(6))).toEqual([]);
  expect(restarted.hold(u64(6), 'account/6', 'newer', 70)).toBe(false);
});

test('what the source rolled back is undone: held records are held again, places and slices are handed out anew', () => {
  const placements = new Placements('p', 8, known(), plan);
  placements.hold(u64(6), 'account/6', 'kept', 10);
  placements.partitionOf(u64(4), '1');
  placements.takeNew();
  placements.hold(u64(6), 'template/3', 'rolled back', 20);
  placements.hold(u64(7), 'account/7', 'rolled back', 20);
  expect(placements.partitionOf(u64(6), '9')).toBe(2);
  expect(placements.release(u64(6))).toEqual(['kept', 'rolled back']);
  placements.undo();
  expect(placements.hasNew).toBe(false);
  expect(placements.release(u64(7))).toEqual([]);
  // Zone 10 gets the slice that zone 9 would have had.
  expect(placements.partitionOf(u64(6), '10')).toBe(2);
  expect(placements.release(u64(6))).toEqual(['kept']);
  expect(placements.partitionOf(u64(4), '10')).toBe(0);
  expect(written(placements).map(([key]) => key)).toEqual(['zone/10', '6']);
});

test('an account that never shows a zone is due after a day of source time', () => {
  const placements = new Placements('p', 8, known(), plan);
  placements.hold(u64(6), 'account/6', 'a', null);
  expect(placements.overdue(null)).toEqual([]);
  expect(placements.overdue(1000)).toEqual([]);
  placements.hold(u64(7), 'account/7', 'b', 200_000);
  expect(placements.overdue(longestHoldMs + 1000)).toEqual(['6']);
});

test('nothing waits when no zones are configured', () => {
  const placements = new Placements('p', 8);
  expect(placements.hold(u64(6), 'account/6', 'a', null)).toBe(false);
  expect(placements.partitionOf(u64(11), '1')).toBe(3);
  expect(written(placements)[0]?.[1]).toMatchObject({ homeZone: null });
});
