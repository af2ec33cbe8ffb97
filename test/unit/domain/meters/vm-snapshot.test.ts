import { expect, test } from 'vitest';
import type { Preset } from '../../../../src/domain/quirks.ts';
import { dayMs, delayMs, hour, play, refusals } from '../../../support/fold-story.ts';
import type { Columns } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

const snap = (id: string, columns: Columns = {}): Columns => ({
  id: 7,
  name: `snap-${id}`,
  offering: 31,
  template: 9,
  size: 1024,
  details: [['vmSnapshotId', id]],
  ...columns,
});

tellStories([
  {
    why: 'a VM snapshot is billed from its creation on',
    given: [['VMSNAPSHOT.CREATE', hour, snap('601')]],
    java: [[`25:601 ${23 * hour}`], [`25:601 ${dayMs}`]],
  },
  {
    why: 'a creation that is told twice is one snapshot in correct; of two without id each is billed',
    given: [
      ['VMSNAPSHOT.CREATE', hour, snap('601')],
      ['VMSNAPSHOT.CREATE', 2 * hour, snap('601')],
      ['VMSNAPSHOT.CREATE', 3 * hour, snap('602', { template: 10, details: [] })],
      ['VMSNAPSHOT.CREATE', 4 * hour, snap('603', { template: 10, details: [] })],
      ['VMSNAPSHOT.ON_PRIMARY', 5 * hour, snap('601')],
      ['VMSNAPSHOT.ON_PRIMARY', 6 * hour, snap('601')],
    ],
    java: [
      [
        `25:601 ${hour + 1}`,
        `25:601 ${22 * hour}`,
        `25:7 ${hour + 1}`,
        `25:7 ${20 * hour}`,
        `27:601 ${18 * hour}`,
      ],
    ],
    correct: [
      [
        `25:601 ${hour}`,
        `25:601 ${22 * hour}`,
        `25:7 ${21 * hour}`,
        `25:7 ${20 * hour}`,
        `27:601 ${hour}`,
        `27:601 ${18 * hour}`,
      ],
    ],
  },
  {
    why: 'a snapshot that is deleted on its first day is billed to the end of that day in java-4.23',
    given: [
      ['VMSNAPSHOT.CREATE', hour, snap('601')],
      ['VMSNAPSHOT.DELETE', 3 * hour, snap('601')],
    ],
    java: [[`25:601 ${23 * hour}`], []],
    correct: [[`25:601 ${2 * hour}`], []],
  },
  {
    why: 'a snapshot of an earlier day is not billed on the day of its deletion in java-4.23',
    given: [
      ['VMSNAPSHOT.CREATE', hour, snap('601')],
      ['VMSNAPSHOT.DELETE', dayMs + 3 * hour, snap('601')],
    ],
    java: [[`25:601 ${23 * hour}`], []],
    correct: [[`25:601 ${23 * hour}`], [`25:601 ${3 * hour}`]],
  },
  {
    why: 'the next snapshot of a volume ends the one before, told with the id of the next, in java-4.23',
    given: [
      ['VMSNAPSHOT.CREATE', 0, snap('601')],
      ['VMSNAPSHOT.CREATE', 6 * hour, snap('602')],
    ],
    java: [[`25:602 ${6 * hour + 1}`, `25:602 ${18 * hour}`], [`25:602 ${dayMs}`]],
    correct: [
      [`25:601 ${dayMs}`, `25:602 ${18 * hour}`],
      [`25:601 ${dayMs}`, `25:602 ${dayMs}`],
    ],
  },
  {
    why: 'of two snapshots of earlier days only the newer is billed in java-4.23',
    given: [
      ['VMSNAPSHOT.CREATE', hour, snap('601', { size: 0 })],
      ['VMSNAPSHOT.CREATE', 2 * hour, snap('602')],
    ],
    // The first is empty, so the second does not end it; it is replaced all the same.
    java: [[`25:602 ${22 * hour}`], [`25:602 ${dayMs}`]],
    correct: [
      [`25:601 ${23 * hour}`, `25:602 ${22 * hour}`],
      [`25:601 ${dayMs}`, `25:602 ${dayMs}`],
    ],
  },
  {
    why: 'an empty snapshot ends the one before and is gone; the one before is billed twice in java-4.23',
    given: [
      ['VMSNAPSHOT.CREATE', 0, snap('601')],
      ['VMSNAPSHOT.CREATE', 6 * hour, snap('602', { size: 0 })],
    ],
    java: [[`25:602 ${6 * hour + 1}`, `25:601 ${dayMs}`], []],
    correct: [
      [`25:601 ${dayMs}`, `25:602 ${18 * hour}`],
      [`25:601 ${dayMs}`, `25:602 ${dayMs}`],
    ],
  },
  {
    why: 'of two snapshots of one volume in one second only the later one is billed in java-4.23',
    given: [
      ['VMSNAPSHOT.CREATE', 0, snap('601')],
      ['VMSNAPSHOT.CREATE', 0, snap('602')],
    ],
    java: [[`25:602 ${dayMs}`], [`25:602 ${dayMs}`]],
    correct: [
      [`25:601 ${dayMs}`, `25:602 ${dayMs}`],
      [`25:601 ${dayMs}`, `25:602 ${dayMs}`],
    ],
  },
  {
    why: 'a deletion closes every snapshot of the VM with the same disk offering in java-4.23',
    given: [
      ['VMSNAPSHOT.CREATE', 0, snap('601')],
      ['VMSNAPSHOT.CREATE', 0, snap('602', { template: 10 })],
      ['VMSNAPSHOT.DELETE', dayMs, snap('601')],
    ],
    java: [[`25:601 ${dayMs}`, `25:602 ${dayMs}`], []],
    correct: [[`25:601 ${dayMs}`, `25:602 ${dayMs}`], [`25:602 ${dayMs}`]],
  },
  {
    why: 'a snapshot without disk offering is never closed in java-4.23',
    given: [
      ['VMSNAPSHOT.CREATE', 0, snap('601', { offering: null })],
      ['VMSNAPSHOT.DELETE', dayMs, snap('601', { offering: null })],
    ],
    java: [[`25:601 ${dayMs}`], [`25:601 ${dayMs}`]],
    correct: [[`25:601 ${dayMs}`], []],
    odd: ['CLOSE_WITHOUT_OPEN 2'],
  },
]);

test('every row of a VM snapshot has an identity of its own, also of one that is billed twice', () => {
  const [output] = play({
    lines: [
      ['VMSNAPSHOT.CREATE', 0, snap('601')],
      ['VMSNAPSHOT.CREATE', 6 * hour, snap('602', { size: 0 })],
    ],
  });
  expect(output?.rows.map(({ key }) => key)).toEqual(['1', '1+']);
});

test('the row has the dates of the interval, and two spaces where CloudStack leaves them', () => {
  const [output] = play({
    lines: [
      ['VMSNAPSHOT.CREATE', hour, snap('601')],
      ['VMSNAPSHOT.CREATE', 6 * hour, snap('602', { offering: null })],
    ],
  });
  expect(output?.rows).toMatchObject([
    {
      description:
        'VMSnapshot Id: 602 Usage: VM Id: 7 Volume Id: 9  DiskOffering: 31 Size: (1.00 KB) 1024',
      startMs: hour,
      endMs: 6 * hour,
      key: '1',
      offeringId: '31',
      vmInstanceId: '7',
      size: '1024',
    },
    {
      description: 'VMSnapshot Id: 602 Usage: VM Id: 7 Volume Id: 9  Size: (1.00 KB) 1024',
      startMs: 6 * hour,
      endMs: dayMs - 1,
      key: '2',
      offeringId: null,
    },
  ]);
});

test('a snapshot without id prints null', () => {
  const [output] = play({ lines: [['VMSNAPSHOT.CREATE', 0, snap('1', { details: [] })]] });
  expect(output?.rows[0]?.description).toMatch(/^VMSnapshot Id: null Usage/);
  expect(output?.rows[0]?.usageId).toBeNull();
});

test('a snapshot needs its volume, and an id that is a number', () => {
  const refused = (preset: Preset) =>
    refusals(
      play({
        preset,
        lines: [
          ['VMSNAPSHOT.CREATE', 0, snap('601', { template: null })],
          ['VMSNAPSHOT.CREATE', 0, snap('x')],
          ['VMSNAPSHOT.DELETE', 0, snap('9223372036854775808')],
          ['VMSNAPSHOT.ON_PRIMARY', 0, snap('-1')],
        ],
      }),
    );
  const both = ['MISSING_VALUE 1', 'INVALID_VALUE 2', 'INVALID_VALUE 4'];
  // CloudStack's server finds what a deletion means without that id.
  expect(refused('java-4.23')).toEqual(both);
  expect(refused('correct')).toEqual([...both, 'INVALID_VALUE 3'].toSorted(byEvent));
});

const byEvent = (a: string, b: string) => Number(a.split(' ')[1]) - Number(b.split(' ')[1]);

test('an empty VM snapshot after another is marked at the run time in java-4.23, also when it was deleted', () => {
  const [output] = play({
    lines: [
      ['VMSNAPSHOT.CREATE', 0, snap('601')],
      ['VMSNAPSHOT.CREATE', 6 * hour, snap('602', { size: 0, offering: 32 })],
      ['VMSNAPSHOT.DELETE', 7 * hour, snap('602', { offering: 32 })],
    ],
  });
  expect(output?.changed.vmSnapshot?.map(({ endMs }) => endMs)).toEqual([
    dayMs + delayMs,
    dayMs + delayMs,
  ]);
});
