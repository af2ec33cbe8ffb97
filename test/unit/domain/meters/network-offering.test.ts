import { expect, test } from 'vitest';
import { dayMs, hour, play, refusals } from '../../../support/fold-story.ts';
import type { Columns } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

const nic = (name: string | null, columns: Columns = {}): Columns => ({
  id: 7,
  name,
  offering: 41,
  size: 0,
  ...columns,
});

tellStories([
  {
    why: 'a NIC is billed from assignment to removal',
    given: [
      ['NETWORK.OFFERING.ASSIGN', hour, nic('901', { size: 1 })],
      ['NETWORK.OFFERING.REMOVE', 3 * hour, nic('901')],
    ],
    java: [[`13:1 ${2 * hour + 1}`]],
    correct: [[`13:1 ${2 * hour}`]],
  },
  {
    why: 'the old names of assignment and removal count the same',
    given: [
      ['NETWORK.OFFERING.CREATE', hour, nic('901')],
      ['NETWORK.OFFERING.DELETE', 3 * hour, nic('901', { size: null })],
    ],
    java: [[`13:0 ${2 * hour + 1}`]],
    correct: [[`13:0 ${2 * hour}`]],
  },
  {
    why: 'two NICs of one offering share a row: their time is added',
    given: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic('901')],
      ['NETWORK.OFFERING.ASSIGN', 0, nic('902')],
    ],
    java: [[`13:0 ${2 * dayMs}`]],
  },
  {
    why: 'the removal of one NIC closes all of the same offering in java-4.23',
    given: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic('901')],
      ['NETWORK.OFFERING.ASSIGN', 0, nic('902')],
      ['NETWORK.OFFERING.REMOVE', hour, nic('901')],
    ],
    java: [[`13:0 ${2 * hour + 2}`]],
    correct: [[`13:0 ${25 * hour}`]],
  },
  {
    why: 'the removal of a NIC that is not open closes no other',
    given: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic('901')],
      ['NETWORK.OFFERING.REMOVE', hour, nic('902')],
    ],
    java: [[`13:0 ${dayMs}`]],
    odd: ['CLOSE_WITHOUT_OPEN 2'],
  },
  {
    why: 'a NIC id that is no number is NIC 0',
    given: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic('eth0')],
      ['NETWORK.OFFERING.REMOVE', hour, nic(null)],
    ],
    java: [[`13:0 ${hour + 1}`]],
    correct: [[`13:0 ${hour}`]],
  },
  {
    why: 'a NIC that is assigned twice is billed twice in java-4.23',
    given: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic('901')],
      ['NETWORK.OFFERING.ASSIGN', 12 * hour, nic('901')],
    ],
    java: [[`13:0 ${36 * hour}`]],
    correct: [[`13:0 ${24 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'a change of the default NIC leaves the new default without interval in java-4.23',
    given: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic('901', { offering: 41, size: 1 })],
      ['NETWORK.OFFERING.ASSIGN', 0, nic('902', { offering: 42, size: 0 })],
      ['NETWORK.OFFERING.REMOVE', 12 * hour, nic('901', { offering: 41 })],
      ['NETWORK.OFFERING.ASSIGN', 12 * hour, nic('902', { offering: 42, size: 1 })],
      ['NETWORK.OFFERING.REMOVE', 12 * hour, nic('902', { offering: 42 })],
      ['NETWORK.OFFERING.ASSIGN', 12 * hour, nic('901', { offering: 41, size: 0 })],
    ],
    java: [[`13:0 ${dayMs + 1}`, `13:1 ${12 * hour + 2}`], [`13:0 ${dayMs}`]],
    correct: [
      [`13:0 ${dayMs}`, `13:1 ${dayMs}`],
      [`13:0 ${dayMs}`, `13:1 ${dayMs}`],
    ],
  },
  {
    why: 'a NIC that comes and goes in one second is closed',
    given: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic('901')],
      ['NETWORK.OFFERING.REMOVE', 0, nic('901')],
    ],
    java: [['13:0 1'], []],
    correct: [[], []],
  },
]);

test('the row names VM and offering, and tells in usage_id whether the NIC is the default', () => {
  const [output] = play({ lines: [['NETWORK.OFFERING.ASSIGN', 0, nic('901', { size: 1 })]] });
  expect(output?.rows).toMatchObject([
    {
      key: '7NO41',
      description: 'Network offering:41 for Vm : 7 usage time',
      vmInstanceId: '7',
      offeringId: '41',
      usageId: '1',
    },
  ]);
});

test('an assignment needs offering and size, a removal the offering', () => {
  const outputs = play({
    lines: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic('901', { offering: null })],
      ['NETWORK.OFFERING.ASSIGN', 0, nic('901', { size: null })],
      ['NETWORK.OFFERING.REMOVE', 0, nic('901', { offering: null })],
    ],
  });
  expect(refusals(outputs)).toEqual(['MISSING_VALUE 1', 'MISSING_VALUE 2', 'MISSING_VALUE 3']);
});
