import { expect, test } from 'vitest';
import { dayMs, hour, play, refusals } from '../../../support/fold-story.ts';
import type { Columns } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

const volume = (columns: Columns = {}): Columns => ({
  id: 9,
  offering: 31,
  size: 1024,
  ...columns,
});

tellStories([
  {
    why: 'a volume is billed from creation to deletion, attached or not',
    given: [
      ['VOLUME.CREATE', 2 * hour, volume()],
      ['VOLUME.DELETE', 5 * hour, { id: 9 }],
    ],
    java: [[`6:9 ${3 * hour + 1}`]],
    correct: [[`6:9 ${3 * hour}`]],
  },
  {
    why: 'a volume made at the deployment of a VM has a row of its own and one for the VM',
    given: [['VOLUME.CREATE', 2 * hour, volume({ vm: 7 })]],
    java: [[`6:9 ${22 * hour}`, `6:9 ${22 * hour}`]],
  },
  {
    why: 'attaching and detaching bill the VM row, and never touch the other',
    given: [
      ['VOLUME.CREATE', 0, volume()],
      ['VOLUME.ATTACH', 4 * hour, volume({ vm: 7 })],
      ['VOLUME.DETACH', 6 * hour, { id: 9 }],
    ],
    java: [[`6:9 ${dayMs}`, `6:9 ${2 * hour + 1}`]],
    correct: [[`6:9 ${dayMs}`, `6:9 ${2 * hour}`]],
  },
  {
    why: 'attaching to another VM ends the attachment before',
    given: [
      ['VOLUME.ATTACH', 4 * hour, volume({ vm: 7 })],
      ['VOLUME.ATTACH', 6 * hour, volume({ vm: 8 })],
    ],
    java: [[`6:9 ${2 * hour + 1}`, `6:9 ${18 * hour}`]],
    correct: [[`6:9 ${2 * hour}`, `6:9 ${18 * hour}`]],
  },
  {
    why: 'a resize of an attached volume splits both rows by size',
    given: [
      ['VOLUME.CREATE', 0, volume({ vm: 7 })],
      ['VOLUME.RESIZE', 12 * hour, volume({ size: 2048 })],
    ],
    java: [
      [`6:9 ${12 * hour + 1}`, `6:9 ${12 * hour + 1}`, `6:9 ${12 * hour}`, `6:9 ${12 * hour}`],
    ],
    correct: [[`6:9 ${12 * hour}`, `6:9 ${12 * hour}`, `6:9 ${12 * hour}`, `6:9 ${12 * hour}`]],
  },
  {
    why: 'a resize of a volume that is not there bills nothing',
    given: [['VOLUME.RESIZE', hour, volume()]],
    java: [[]],
    odd: ['CLOSE_WITHOUT_OPEN 1'],
  },
  {
    why: 'a deletion closes the row of the VM too',
    given: [
      ['VOLUME.CREATE', 0, volume({ vm: 7 })],
      ['VOLUME.DELETE', hour, { id: 9 }],
      ['VOLUME.DELETE', 2 * hour, { id: 9 }],
    ],
    java: [[`6:9 ${hour + 1}`, `6:9 ${hour + 1}`]],
    correct: [[`6:9 ${hour}`, `6:9 ${hour}`]],
    odd: [],
  },
  {
    why: 'a volume that is created again is closed and opened',
    given: [
      ['VOLUME.CREATE', 0, volume({ vm: 7 })],
      ['VOLUME.CREATE', hour, volume({ vm: 7 })],
    ],
    java: [[`6:9 ${dayMs + 1}`, `6:9 ${dayMs + 1}`]],
    correct: [[`6:9 ${dayMs}`, `6:9 ${dayMs}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'creation, attachment and resize in one second collapse to the last',
    given: [
      ['VOLUME.CREATE', 0, volume({ vm: 7 })],
      ['VOLUME.ATTACH', 0, volume({ vm: 7 })],
      ['VOLUME.RESIZE', 0, volume({ size: 2048 })],
    ],
    // In java-4.23 each interval that was replaced at once leaves its millisecond.
    java: [['6:9 1', '6:9 2', `6:9 ${dayMs}`, `6:9 ${dayMs}`]],
    correct: [[`6:9 ${dayMs}`, `6:9 ${dayMs}`]],
  },
  {
    why: 'attaching to no VM opens a second cumulative interval in java-4.23',
    given: [
      ['VOLUME.CREATE', 0, volume()],
      ['VOLUME.ATTACH', 12 * hour, volume()],
    ],
    java: [[`6:9 ${36 * hour}`]],
    correct: [[`6:9 ${24 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'an uploaded volume is on secondary storage until it is created on primary',
    given: [
      ['VOLUME.UPLOAD', 0, volume()],
      ['VOLUME.CREATE', 6 * hour, volume()],
    ],
    java: [[`26:9 ${6 * hour + 1}`, `6:9 ${18 * hour}`]],
    correct: [[`26:9 ${6 * hour}`, `6:9 ${18 * hour}`]],
  },
  {
    why: 'a creation that arrives late ends, attachment and all, where the next creation began',
    given: [
      ['VOLUME.CREATE', 12 * hour, volume({ vm: 7 })],
      ['VOLUME.CREATE', 6 * hour, volume({ vm: 7, size: 5 })],
    ],
    arrives: { 1: 1 },
    java: [
      [`6:9 ${12 * hour}`, `6:9 ${12 * hour}`],
      [`6:9 ${dayMs}`, `6:9 ${dayMs}`],
    ],
    odd: ['DOUBLE_OPEN 2', 'LATE_EVENT 2'],
  },
  {
    why: 'a second upload replaces the first',
    given: [
      ['VOLUME.UPLOAD', 0, volume()],
      ['VOLUME.UPLOAD', 6 * hour, volume({ size: 5 })],
    ],
    java: [[`26:9 ${dayMs + 1}`]],
    correct: [[`26:9 ${dayMs}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
]);

test.each<{ why: string; columns: Columns; expected: object }>([
  {
    why: 'the template when it has one',
    columns: { template: 11, offering: 31 },
    expected: {
      description: 'Volume Id: 9 usage time (Template: 11)',
      offeringId: '31',
      templateId: '11',
      key: '9-31-null-1024',
    },
  },
  {
    why: 'else the disk offering',
    columns: { template: 0 },
    expected: {
      description: 'Volume Id: 9 usage time (DiskOffering: 31)',
      offeringId: '31',
      templateId: null,
    },
  },
  {
    why: 'else neither',
    columns: { offering: null, template: null },
    expected: { description: 'Volume Id: 9 usage time', offeringId: null, key: '9-null-null-1024' },
  },
])('a volume row names $why', ({ columns, expected }) => {
  const [output] = play({ lines: [['VOLUME.CREATE', 0, volume(columns)]] });
  expect(output?.rows).toMatchObject([
    { usageId: '9', size: '1024', vmInstanceId: null, ...expected },
  ]);
});

test('the row of an attached volume names the VM', () => {
  const [output] = play({ lines: [['VOLUME.ATTACH', 0, volume({ vm: 7 })]] });
  expect(output?.rows).toMatchObject([
    {
      description: 'Volume Id: 9 usage time (DiskOffering: 31) (VM: 7)',
      vmInstanceId: '7',
      key: '9-31-7-1024',
    },
  ]);
});

test('the zone of a resized volume is that of the resize', () => {
  const [output] = play({
    lines: [
      ['VOLUME.CREATE', 0, volume()],
      ['VOLUME.RESIZE', 0, volume({ zone: 2, size: 4 })],
    ],
    preset: 'correct',
  });
  expect(output?.rows).toMatchObject([{ zoneId: '2', size: '4' }]);
});

test.each(['VOLUME.CREATE', 'VOLUME.RESIZE', 'VOLUME.ATTACH', 'VOLUME.UPLOAD'])(
  '%s without a size is refused',
  (type) => {
    expect(refusals(play({ lines: [[type, 0, volume({ size: null })]] }))).toEqual([
      'MISSING_VALUE 1',
    ]);
  },
);
