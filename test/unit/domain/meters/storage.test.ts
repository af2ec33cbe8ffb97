import { expect, test } from 'vitest';
import { dayMs, hour, play, refusals } from '../../../support/fold-story.ts';
import type { Columns, Line } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

const item = (columns: Columns = {}): Columns => ({
  id: 5,
  size: 2147483648,
  virtualSize: 8589934592,
  ...columns,
});

tellStories([
  {
    why: 'a template is billed in each zone that has it, once',
    given: [
      ['TEMPLATE.CREATE', 0, item()],
      ['TEMPLATE.COPY', hour, item()],
      ['TEMPLATE.COPY', 2 * hour, item({ zone: 2 })],
    ],
    java: [[`7:5 ${dayMs}`, `7:5 ${22 * hour}`]],
    odd: [],
  },
  {
    why: 'a template is deleted zone by zone',
    given: [
      ['TEMPLATE.CREATE', 0, item()],
      ['TEMPLATE.COPY', 0, item({ zone: 2 })],
      ['TEMPLATE.DELETE', hour, { id: 5, zone: 2 }],
      ['TEMPLATE.DELETE', hour, { id: 5, zone: 2 }],
    ],
    java: [[`7:5 ${dayMs}`, `7:5 ${hour + 1}`]],
    correct: [[`7:5 ${dayMs}`, `7:5 ${hour}`]],
    odd: [],
  },
  {
    why: 'a template of no bytes is never billed',
    given: [['TEMPLATE.CREATE', 0, item({ size: 0 })]],
    java: [[]],
  },
  {
    why: 'an ISO may be empty, and is billed once per zone',
    given: [
      ['ISO.CREATE', 0, item({ size: 0 })],
      ['ISO.COPY', hour, item()],
      ['ISO.DELETE', 6 * hour, { id: 5 }],
    ],
    java: [[`8:5 ${6 * hour + 1}`]],
    correct: [[`8:5 ${6 * hour}`]],
  },
  {
    why: 'a template and an ISO of one id are two things',
    given: [
      ['TEMPLATE.CREATE', 0, item()],
      ['ISO.CREATE', 0, item()],
      ['ISO.DELETE', hour, { id: 5 }],
    ],
    java: [[`7:5 ${dayMs}`, `8:5 ${hour + 1}`]],
    correct: [[`7:5 ${dayMs}`, `8:5 ${hour}`]],
  },
  {
    why: 'the deletion of a snapshot closes it in every zone, whatever zone it names',
    given: [
      ['SNAPSHOT.CREATE', 0, item()],
      ['SNAPSHOT.CREATE', 0, item({ zone: 2 })],
      ['SNAPSHOT.DELETE', hour, { id: 5, zone: 9 }],
    ],
    java: [[`9:5 ${hour + 1}`, `9:5 ${hour + 1}`]],
    correct: [[`9:5 ${hour}`, `9:5 ${hour}`]],
  },
  {
    why: 'a snapshot that is created twice is billed twice in java-4.23',
    given: [
      ['SNAPSHOT.CREATE', 0, item()],
      ['SNAPSHOT.CREATE', 12 * hour, item()],
    ],
    java: [[`9:5 ${36 * hour}`]],
    correct: [[`9:5 ${24 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
]);

test.each<{ line: Line; expected: object }>([
  {
    line: ['TEMPLATE.CREATE', 0, item({ template: 4 })],
    expected: {
      usageType: 7,
      key: '5Z1T1',
      description: 'Template Id:5 Size:(2.00 GB) 2147483648 VirtualSize: (8.00 GB) 8589934592',
      templateId: '4',
      virtualSize: '8589934592',
    },
  },
  {
    line: ['TEMPLATE.CREATE', 0, item({ virtualSize: null })],
    expected: { templateId: '0', virtualSize: '0' },
  },
  {
    line: ['ISO.CREATE', 0, item({ template: 4 })],
    expected: {
      usageType: 8,
      description: 'ISO Id:5 Size:(2.00 GB) 2147483648 VirtualSize: (2.00 GB) 2147483648',
      templateId: null,
      virtualSize: '2147483648',
    },
  },
  {
    line: ['SNAPSHOT.CREATE', 0, item({ template: 4 })],
    expected: {
      usageType: 9,
      description: 'Snapshot Id:5 Size:(2.00 GB) 2147483648',
      templateId: null,
      virtualSize: '0',
    },
  },
  {
    line: ['VOLUME.UPLOAD', 0, item({ template: 4 })],
    expected: {
      usageType: 26,
      description: 'Volume Id:5 Size:(2.00 GB) 2147483648 VirtualSize: (0 bytes) 0',
      templateId: null,
      virtualSize: '0',
    },
  },
])('the row of $line.0 tells sizes as CloudStack does', ({ line, expected }) => {
  const [output] = play({ lines: [line] });
  expect(output?.rows).toMatchObject([{ usageId: '5', size: '2147483648', ...expected }]);
});

test('snapshots are billed by their virtual size when the cloud is set so', () => {
  const lines: Line[] = [['SNAPSHOT.CREATE', 0, item({ size: null })]];
  const [output] = play({ lines, snapshotVirtualSize: true });
  expect(output?.rows).toMatchObject([{ size: '8589934592', virtualSize: '0' }]);
  expect(refusals(play({ lines }))).toEqual(['MISSING_VALUE 1']);
});
