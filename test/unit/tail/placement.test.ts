import { expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import { Placements, routedPartition } from '../../../src/tail/placement.ts';

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
  const placements = new Placements('p', 8, new Map([[u64<AccountId>(11), 5]]));
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
