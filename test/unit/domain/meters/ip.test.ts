import { expect, test } from 'vitest';
import { dayMs, hour, play, refusals } from '../../../support/fold-story.ts';
import type { Columns, Line } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

const ip = (columns: Columns = {}): Columns => ({
  id: 401,
  name: '203.0.113.11',
  size: 0,
  ...columns,
});

tellStories([
  {
    why: 'an address is billed from assignment to release',
    given: [
      ['NET.IPASSIGN', hour, ip()],
      ['NET.IPRELEASE', 3 * hour, ip()],
    ],
    java: [[`3:401 ${2 * hour + 1}`]],
    correct: [[`3:401 ${2 * hour}`]],
  },
  {
    why: 'an address that is taken again on the same day has one row',
    given: [
      ['NET.IPASSIGN', hour, ip()],
      ['NET.IPRELEASE', 2 * hour, ip()],
      ['NET.IPASSIGN', 2 * hour, ip()],
      ['NET.IPRELEASE', 3 * hour, ip()],
    ],
    java: [[`3:401 ${2 * hour + 2}`]],
    correct: [[`3:401 ${2 * hour}`]],
  },
  {
    why: 'a release closes the same address text of another zone in java-4.23',
    given: [
      ['NET.IPASSIGN', 0, ip()],
      ['NET.IPASSIGN', 0, ip({ id: 402, zone: 2 })],
      ['NET.IPRELEASE', hour, ip()],
    ],
    java: [[`3:401 ${hour + 1}`, `3:402 ${hour + 1}`]],
    correct: [[`3:401 ${hour}`, `3:402 ${dayMs}`]],
    odd: [],
  },
  {
    why: 'a release without the address finds nothing in java-4.23',
    given: [
      ['NET.IPASSIGN', 0, ip()],
      ['NET.IPRELEASE', hour, ip({ name: null })],
    ],
    java: [[`3:401 ${dayMs}`]],
    correct: [[`3:401 ${hour}`]],
    odd: ['CLOSE_WITHOUT_OPEN 2'],
  },
  {
    why: 'an address that is assigned twice is billed twice in java-4.23',
    given: [
      ['NET.IPASSIGN', 0, ip()],
      ['NET.IPASSIGN', 12 * hour, ip()],
    ],
    java: [[`3:401 ${36 * hour}`]],
    correct: [[`3:401 ${24 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
]);

test.each<{ why: string; columns: Columns; expected: object }>([
  { why: 'a plain address', columns: {}, expected: { type: '', size: '0', isHidden: false } },
  { why: 'a source NAT address', columns: { size: 1 }, expected: { type: 'SourceNat', size: '0' } },
  { why: 'a system address', columns: { template: 1 }, expected: { type: '', size: '1' } },
  { why: 'template 0 as none', columns: { template: 0 }, expected: { size: '0' } },
  {
    why: 'a hidden address',
    columns: { details: [['hidden', 'true']] },
    expected: { isHidden: true },
  },
  {
    why: 'hidden only when the value is exactly true',
    columns: { details: [['hidden', 'True']] },
    expected: { isHidden: false },
  },
])('the row tells $why', ({ columns, expected }) => {
  const [output] = play({ lines: [['NET.IPASSIGN', 0, ip(columns)]] });
  expect(output?.rows).toMatchObject([
    { description: 'IPAddress: 203.0.113.11', usageId: '401', key: '401', ...expected },
  ]);
});

test.each<{ why: string; line: Line }>([
  { why: 'a size', line: ['NET.IPASSIGN', 0, ip({ size: null })] },
  { why: 'an address', line: ['NET.IPASSIGN', 0, ip({ name: null })] },
])('an assignment without $why is refused', ({ line }) => {
  expect(refusals(play({ lines: [line] }))).toEqual(['MISSING_VALUE 1']);
});
