import { describe, expect, test } from 'vitest';
import type { Interval } from '../../../../src/domain/intervals.ts';
import type { Preset } from '../../../../src/domain/quirks.ts';
import { accountRow, anomalies, dayMs, delayMs, hour, play } from '../../../support/fold-story.ts';
import type { Columns, Line, Story } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

const kept = (id: string, columns: Columns = {}): Columns => ({
  ...{ id: 7, name: 'nightly', offering: 0, template: 0, size: 1024, virtualSize: 2048 },
  details: [['vmSnapshotId', id]],
  ...columns,
});

tellStories([
  {
    why: 'a VM snapshot on primary storage is billed until it is gone',
    given: [
      ['VMSNAPSHOT.ON_PRIMARY', hour, kept('601')],
      ['VMSNAPSHOT.OFF_PRIMARY', 3 * hour, kept('601')],
    ],
    java: [[`27:601 ${2 * hour + 1}`]],
    correct: [[`27:601 ${2 * hour}`]],
  },
  {
    why: 'of snapshots of two VMs with one name only the newest is billed in java-4.23',
    given: [
      ['VMSNAPSHOT.ON_PRIMARY', 0, kept('601')],
      ['VMSNAPSHOT.ON_PRIMARY', hour, kept('602', { id: 8 })],
    ],
    java: [[`27:602 ${23 * hour}`]],
    correct: [[`27:601 ${dayMs}`, `27:602 ${23 * hour}`]],
  },
  {
    why: 'a snapshot of no bytes is not billed',
    given: [['VMSNAPSHOT.ON_PRIMARY', 0, kept('601', { size: null })]],
    java: [[], []],
  },
  {
    why: 'a snapshot of the last second of the day is billed from midnight on in java-4.23',
    given: [['VMSNAPSHOT.ON_PRIMARY', dayMs - 1000, kept('601')]],
    java: [[], [`27:601 ${dayMs}`]],
    correct: [['27:601 1000'], [`27:601 ${dayMs}`]],
  },
  {
    why: 'a removal by another name finds nothing',
    given: [
      ['VMSNAPSHOT.ON_PRIMARY', 0, kept('601')],
      ['VMSNAPSHOT.OFF_PRIMARY', hour, kept('601', { name: 'weekly' })],
    ],
    java: [[`27:601 ${dayMs}`]],
    odd: ['CLOSE_WITHOUT_OPEN 2'],
  },
]);

test('the row of a snapshot on primary storage has its name, sizes and dates', () => {
  const [output] = play({
    lines: [
      ['VMSNAPSHOT.ON_PRIMARY', hour, kept('601')],
      ['VMSNAPSHOT.OFF_PRIMARY', 3 * hour, kept('601')],
    ],
  });
  expect(output?.rows).toMatchObject([
    {
      description: 'VMSnapshot Id: 601 On Primary Usage: VM Id: 7 Size: (2.00 KB) 2048',
      vmInstanceId: '7',
      vmName: 'nightly',
      size: '1024',
      virtualSize: '2048',
      startMs: hour,
      endMs: 3 * hour,
      key: '1',
    },
  ]);
});

const empty = kept('601', { size: 0 });
const off: Line = ['VMSNAPSHOT.OFF_PRIMARY', 3 * hour, empty];
const on: Line = ['VMSNAPSHOT.ON_PRIMARY', hour, empty];

/** Ends of the snapshots that each day wrote, and those that go on into the next. */
const endsOf = (story: Omit<Story, 'days'>) =>
  play({ ...story, days: 2 }).map(({ changed, state, rows }) => {
    expect(rows).toEqual([]);
    const ends = (some: readonly Interval[] = []) => some.map(({ endMs }) => endMs);
    return [ends(changed.snapshotOnPrimary), ends(state.intervals.snapshotOnPrimary)];
  });
const runMs = dayMs + delayMs;

describe('a snapshot on primary storage without bytes (quirk emptySnapshotOnPrimaryEnds)', () => {
  test.each([
    {
      why: 'ends at the run time in java-4.23, and stays until its removal in correct',
      lines: [on],
      java: [
        [[runMs], []],
        [[], []],
      ],
      correct: [
        [[null], [null]],
        [[], [null]],
      ],
    },
    {
      why: 'of which the removal is told on the same day ends at the run time too in java-4.23',
      lines: [on, off],
      java: [
        [[runMs], []],
        [[], []],
      ],
      correct: [
        [[3 * hour], []],
        [[], []],
      ],
    },
    {
      why: 'of the last second of a day is not read until the next in java-4.23',
      lines: [['VMSNAPSHOT.ON_PRIMARY', dayMs - 1000, empty]] satisfies Line[],
      java: [
        [[null], [null]],
        [[runMs + dayMs], []],
      ],
      correct: [
        [[null], [null]],
        [[], [null]],
      ],
    },
    {
      why: 'of an account that is forgotten is not read any more in java-4.23',
      lines: [on],
      account: accountRow({ removedMs: -4 * dayMs }),
      java: [
        [[null], [null]],
        [[], [null]],
      ],
      correct: [
        [[null], [null]],
        [[], [null]],
      ],
    },
  ])('$why', ({ lines, java, correct, ...story }) => {
    expect(endsOf({ ...story, lines, preset: 'java-4.23' })).toEqual(java);
    expect(endsOf({ ...story, lines, preset: 'correct' })).toEqual(correct);
  });

  test('ends as its switch says, whatever the preset', () => {
    const overrides = { emptySnapshotOnPrimaryEnds: true };
    expect(endsOf({ lines: [on, off], preset: 'correct', overrides })[0]).toEqual([[runMs], []]);
  });

  test('its removal of a later day finds it in correct only', () => {
    const lines: Line[] = [on, ['VMSNAPSHOT.OFF_PRIMARY', dayMs + hour, empty]];
    const found = (preset: Preset) => anomalies(play({ preset, lines, days: 2 }));
    expect(found('java-4.23')).toEqual(['CLOSE_WITHOUT_OPEN 2']);
    expect(found('correct')).toEqual([]);
  });
});

test('one without bytes ends once, at the run time of the window that reads it first', () => {
  const outputs = play({ lines: [on], days: 4 });
  const written = outputs.map(({ changed }) => changed.snapshotOnPrimary?.map((r) => r.endMs));
  expect(written).toEqual([[runMs], undefined, undefined, undefined]);
});
