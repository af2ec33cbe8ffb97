import { expect, test } from 'vitest';
import { dayMs, hour, play, refusals } from '../../../support/fold-story.ts';
import type { Columns } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

const net = (columns: Columns = {}): Columns => ({ id: 801, offering: 41, ...columns });
const backup = (columns: Columns = {}): Columns => ({ id: 7, offering: 71, ...columns });

tellStories([
  {
    why: 'each state of a network has a row of its own',
    given: [
      ['NETWORK.CREATE', 0, net()],
      ['NETWORK.UPDATE', 6 * hour, net({ kind: 'Implemented' })],
      ['NETWORK.DELETE', 12 * hour, { id: 801 }],
    ],
    java: [[`30:801 ${6 * hour + 1}`, `30:801 ${6 * hour + 1}`]],
    correct: [[`30:801 ${6 * hour}`, `30:801 ${6 * hour}`]],
  },
  {
    why: 'an update in the second of the creation leaves 1 ms in java-4.23',
    given: [
      ['NETWORK.CREATE', 0, net()],
      ['NETWORK.UPDATE', 0, net({ kind: 'Implemented' })],
    ],
    java: [['30:801 1', `30:801 ${dayMs}`]],
    correct: [[`30:801 ${dayMs}`]],
  },
  {
    why: 'a network that is there already is not created again; an update opens one that is not',
    given: [
      ['NETWORK.CREATE', 0, net()],
      ['NETWORK.CREATE', hour, net()],
      ['NETWORK.UPDATE', hour, net({ id: 802 })],
    ],
    java: [[`30:801 ${dayMs}`, `30:802 ${23 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'a VPC is billed from its first creation to its deletion',
    given: [
      ['VPC.CREATE', 0, { id: 811 }],
      ['VPC.CREATE', hour, { id: 811 }],
      ['VPC.DELETE', 2 * hour, { id: 811 }],
    ],
    java: [[`31:811 ${2 * hour + 1}`]],
    correct: [[`31:811 ${2 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'a backup offering of a VM is billed until its last backup is gone',
    given: [
      ['BACKUP.OFFERING.ASSIGN', 0, backup()],
      ['BACKUP.OFFERING.BACKUPS.DEL', 2 * hour, backup()],
    ],
    java: [[`28:7 ${2 * hour + 1}`]],
    correct: [[`28:7 ${2 * hour}`]],
  },
  {
    why: 'an offering that is assigned twice is billed in two rows in java-4.23',
    given: [
      ['BACKUP.OFFERING.ASSIGN', 0, backup()],
      ['BACKUP.OFFERING.ASSIGN', hour, backup()],
    ],
    java: [[`28:7 ${dayMs}`, `28:7 ${23 * hour}`]],
    correct: [[`28:7 ${hour}`, `28:7 ${23 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'a metric of what is not under a backup offering is an anomaly',
    given: [['BACKUP.USAGE.METRIC', 0, backup({ size: 1, virtualSize: 2 })]],
    java: [[]],
    odd: ['CLOSE_WITHOUT_OPEN 1'],
  },
]);

test('the last metric of a window gives the sizes of the whole window; one without size none', () => {
  const [output] = play({
    lines: [
      ['BACKUP.OFFERING.ASSIGN', 0, backup()],
      ['BACKUP.USAGE.METRIC', hour, backup({ size: 10, virtualSize: 20 })],
      ['BACKUP.USAGE.METRIC', 2 * hour, backup({ size: 30, virtualSize: 40 })],
      ['BACKUP.USAGE.METRIC', 3 * hour, backup({ virtualSize: 60 })],
    ],
  });
  expect(output?.rows).toMatchObject([
    {
      description: 'Backup usage VM ID: 7, backup offering: 71',
      vmInstanceId: '7',
      usageId: '7',
      offeringId: '71',
      size: '30',
      virtualSize: '40',
      quantity: String(dayMs),
      key: '1',
    },
  ]);
});

test('the row of a network has its state; that of a VPC has none', () => {
  const [output] = play({
    lines: [
      ['NETWORK.CREATE', 0, net()],
      ['VPC.CREATE', 0, { id: 811 }],
    ],
  });
  expect(output?.rows).toMatchObject([
    {
      description: 'Network usage for network ID: 801, network offering: 41',
      offeringId: '41',
      usageId: '801',
      networkId: null,
      size: '0',
      state: 'Allocated',
      key: '1',
    },
    { description: 'VPC usage for VPC ID: 811', usageId: '811', size: '0', state: null, key: '2' },
  ]);
});

test('networks and backups need their offering', () => {
  const lines = ['NETWORK.CREATE', 'NETWORK.UPDATE', 'BACKUP.OFFERING.ASSIGN'] as const;
  const outputs = play({ lines: lines.map((type) => [type, 0, { id: 1 }]) });
  expect(refusals(outputs)).toEqual(['MISSING_VALUE 1', 'MISSING_VALUE 2', 'MISSING_VALUE 3']);
});
