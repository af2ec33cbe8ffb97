import { expect, test } from 'vitest';
import { zonePlan } from '../../../src/cli/zone-setting.ts';

test.each([
  [
    ['1=0-3', '2=4+6'],
    [
      ['1', [0, 1, 2, 3]],
      ['2', [4, 6]],
    ],
    0,
  ],
  ['1=0-1,auto=2', [['1', [0, 1]]], 2],
  [
    { 1: '0-1', 2: 5, auto: 1 },
    [
      ['1', [0, 1]],
      ['2', [5]],
    ],
    1,
  ],
  [undefined, [], 0],
] as const)('zones are read from %j', (given, fixed, auto) => {
  const plan = zonePlan.parse(given);
  expect({ fixed: [...plan.fixed], auto: plan.auto }).toEqual({ fixed, auto });
});

test('every wrong zone is named with what to write', () => {
  const { error } = zonePlan.safeParse('0=1,x=2,3=,4=7-5,5=1,5=2,auto=none');
  expect(error?.issues.map(({ message }) => message)).toEqual([
    '0 is no zone id: write the id of cloud.data_center, like 1=0-3',
    'x is no zone id: write the id of cloud.data_center, like 1=0-3',
    'zone 3: nothing is no range of partitions: write 0-3',
    'zone 4: 7-5 is no range of partitions: write 0-3',
    'zone 5 is given twice',
    'auto=none: write how many partitions a new zone gets, like auto=2',
  ]);
});
