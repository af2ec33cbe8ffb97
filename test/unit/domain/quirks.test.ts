import { expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import type { ZoneId } from '../../../src/contracts/ids.ts';
import { quirkSet, quirks } from '../../../src/domain/quirks.ts';
import type { QuirkName } from '../../../src/domain/quirks.ts';
import {
  account,
  accountRow,
  billed,
  dayMs,
  delayMs,
  hour,
  play,
} from '../../support/fold-story.ts';
import type { Columns, Story } from '../../support/fold-story.ts';

test('java-4.23 has every quirk, correct has none', () => {
  const count = Object.keys(quirks).length;
  expect(Object.values(quirkSet('java-4.23')).filter(Boolean).length).toBe(count);
  expect(Object.values(quirkSet('correct')).filter(Boolean).length).toBe(0);
});

test('a single switch can differ from the preset', () => {
  const set = quirkSet('java-4.23', { domainFrozen: false });
  expect(set.domainFrozen).toBe(false);
  expect(set.inclusiveMillisecond).toBe(true);
});

const vm: Columns = { id: 7, name: 'web', offering: 3, template: 11 };
const nic: Columns = { id: 7, name: '901', offering: 41, size: 0 };
const snapshot: Columns = { id: 7, name: 'nightly', offering: 31, template: 9, size: 1024 };
const snapshotOf = (id: string): Columns => ({ ...snapshot, details: [['vmSnapshotId', id]] });
const device = (id: number, ownerId: number, total: number) => ({
  table: 'user_statistics' as const,
  id: u64(id),
  accountId: account,
  zoneId: u64<ZoneId>(1),
  publicIpAddress: null,
  deviceId: u64(ownerId),
  deviceType: 'DomainRouter',
  networkId: u64(801),
  netBytesReceived: u64(0),
  netBytesSent: u64(0),
  currentBytesReceived: u64(0),
  currentBytesSent: u64(0),
  aggBytesReceived: u64(0),
  aggBytesSent: u64(total),
});

interface Switch extends Story {
  readonly on: readonly (readonly string[])[];
  readonly off: readonly (readonly string[])[];
}

/** The others have tests of their own: they change no quantity of a day, or nothing of GMT. */
type Told = Exclude<QuirkName, 'domainFrozen' | 'splitLongDay' | 'emptySnapshotOnPrimaryEnds'>;

/** Each switch by itself, all others as in java-4.23. */
const switches: Readonly<Record<Told, Switch>> = {
  inclusiveMillisecond: {
    lines: [
      ['VM.START', hour, vm],
      ['VM.STOP', 2 * hour, { id: 7 }],
    ],
    on: [[`1:7 ${hour + 1}`]],
    off: [[`1:7 ${hour}`]],
  },
  vmKeyWithoutSeparators: {
    lines: [
      ['VM.START', 0, { ...vm, id: 12, offering: 3 }],
      ['VM.START', 0, { ...vm, id: 1, offering: 23 }],
    ],
    on: [[`1:1 ${2 * dayMs}`]],
    off: [[`1:12 ${dayMs}`, `1:1 ${dayMs}`]],
  },
  allocatedRowMoves: {
    lines: [
      ['VM.CREATE', 0, vm],
      ['VM.START', 6 * hour, { ...vm, offering: 4 }],
    ],
    on: [[`2:7 ${18 * hour}`, `1:7 ${18 * hour}`]],
    off: [[`2:7 ${6 * hour + 1}`, `2:7 ${18 * hour}`, `1:7 ${18 * hour}`]],
  },
  customSizeIgnoredByAllocated: {
    lines: [
      ['VM.CREATE', 0, vm],
      ['VM.START', 6 * hour, { ...vm, details: [['cpuNumber', '2']] }],
    ],
    on: [[`2:7 ${dayMs}`, `1:7 ${18 * hour}`]],
    off: [[`2:7 ${18 * hour}`, `1:7 ${18 * hour}`]],
  },
  duplicateOpens: {
    lines: [
      ['LB.CREATE', 0, { id: 501 }],
      ['LB.CREATE', 12 * hour, { id: 501 }],
    ],
    on: [[`11:501 ${36 * hour}`]],
    off: [[`11:501 ${24 * hour + 1}`]],
  },
  ipReleasedByAddress: {
    lines: [
      ['NET.IPASSIGN', 0, { id: 401, name: '10.0.0.1', size: 0 }],
      ['NET.IPASSIGN', 0, { id: 402, name: '10.0.0.1', size: 0, zone: 2 }],
      ['NET.IPRELEASE', hour, { id: 401, name: '10.0.0.1' }],
    ],
    on: [[`3:401 ${hour + 1}`, `3:402 ${hour + 1}`]],
    off: [[`3:401 ${hour + 1}`, `3:402 ${dayMs}`]],
  },
  removeClosesAllNics: {
    lines: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic],
      ['NETWORK.OFFERING.ASSIGN', 0, { ...nic, name: '902' }],
      ['NETWORK.OFFERING.REMOVE', hour, nic],
    ],
    on: [[`13:0 ${2 * hour + 2}`]],
    off: [[`13:0 ${25 * hour + 1}`]],
  },
  removeClosesSameSecondAssign: {
    lines: [
      ['NETWORK.OFFERING.ASSIGN', 0, nic],
      ['NETWORK.OFFERING.ASSIGN', hour, nic],
      ['NETWORK.OFFERING.REMOVE', hour, nic],
    ],
    on: [[`13:0 ${hour + 2}`]],
    off: [[`13:0 ${24 * hour + 1}`]],
  },
  vpnRemovedAtRunTime: {
    lines: [
      ['VPN.USER.ADD', 0, { id: 5, name: 'ann', zone: 0 }],
      ['VPN.USER.REMOVE', hour, { id: 5, name: 'ann', zone: 0 }],
    ],
    days: 2,
    on: [[`14:5 ${dayMs}`], [`14:5 ${delayMs + 1}`]],
    off: [[`14:5 ${hour + 1}`], []],
  },
  vmSnapshotClosedByOffering: {
    lines: [
      ['VMSNAPSHOT.CREATE', 0, snapshotOf('601')],
      ['VMSNAPSHOT.CREATE', 0, { ...snapshotOf('602'), template: 10 }],
      ['VMSNAPSHOT.DELETE', dayMs, snapshotOf('601')],
    ],
    days: 2,
    on: [[`25:601 ${dayMs}`, `25:602 ${dayMs}`], []],
    off: [[`25:601 ${dayMs}`, `25:602 ${dayMs}`], [`25:602 ${dayMs}`]],
  },
  vmSnapshotChain: {
    lines: [
      ['VMSNAPSHOT.CREATE', 0, snapshotOf('601')],
      ['VMSNAPSHOT.DELETE', hour, snapshotOf('601')],
    ],
    on: [[`25:601 ${dayMs}`]],
    off: [[`25:601 ${hour + 1}`]],
  },
  snapshotOnPrimaryByName: {
    lines: [
      ['VMSNAPSHOT.ON_PRIMARY', 0, snapshotOf('601')],
      ['VMSNAPSHOT.ON_PRIMARY', 0, { ...snapshotOf('602'), id: 8 }],
    ],
    on: [[`27:602 ${dayMs}`]],
    off: [[`27:601 ${dayMs}`, `27:602 ${dayMs}`]],
  },
  snapshotOnPrimaryLastSecond: {
    lines: [['VMSNAPSHOT.ON_PRIMARY', dayMs - 1000, snapshotOf('601')]],
    on: [[]],
    off: [['27:601 1000']],
  },
  deviceZeroChargedInFull: {
    lines: [],
    counters: [[device(1, 0, 4)], [device(1, 0, 6)]],
    days: 2,
    on: [
      ['4:null 4', '5:null 0'],
      ['4:null 6', '5:null 0'],
    ],
    off: [
      ['4:null 4', '5:null 0'],
      ['4:null 2', '5:null 0'],
    ],
  },
  returningCounterChargedInFull: {
    lines: [],
    counters: [
      [device(1, 91, 4), device(2, 92, 0)],
      [device(2, 92, 0)],
      [device(1, 91, 6), device(2, 92, 0)],
    ],
    days: 3,
    on: [['4:91 4', '5:91 0'], [], ['4:91 6', '5:91 0']],
    off: [['4:91 4', '5:91 0'], [], ['4:91 2', '5:91 0']],
  },
  removedBucketsBilled: {
    lines: [],
    counters: [
      [
        {
          table: 'bucket_statistics',
          id: u64(1),
          accountId: account,
          bucketId: u64(9),
          size: u64(500),
        },
      ],
    ],
    buckets: [{ id: u64(9), accountId: account, removedMs: 0 }],
    on: [['29:9 500']],
    off: [[]],
  },
  removedAccountsForgotten: {
    lines: [['VM.START', 0, vm]],
    account: accountRow({ removedMs: 0 }),
    days: 5,
    on: [[`1:7 ${dayMs}`], [`1:7 ${dayMs}`], [`1:7 ${dayMs}`], [`1:7 ${dayMs}`], []],
    off: Array.from({ length: 5 }, () => [`1:7 ${dayMs}`]),
  },
  firstPublicTemplateOnly: {
    lines: [
      ['TEMPLATE.CREATE', 0, { id: 5, size: 1 }],
      ['TEMPLATE.CREATE', 0, { id: 6, size: 1 }],
    ],
    account: accountRow({ removedMs: hour }),
    templates: [5, 6].map((id) => {
      return { id: u64(id), accountId: account, isPublic: true, removedMs: null };
    }),
    days: 2,
    on: [[`7:5 ${dayMs}`, `7:6 ${dayMs}`], [`7:6 ${dayMs}`]],
    off: [[`7:5 ${hour + 1}`, `7:6 ${hour + 1}`], []],
  },
};

test.each(
  Object.entries(switches).flatMap(([name, { on, off, ...story }]) => [
    { name, position: 'on', story, value: true, expected: on },
    { name, position: 'off', story, value: false, expected: off },
  ]),
)('$name $position does by itself what its line says', ({ name, story, value, expected }) => {
  expect(billed(play({ ...story, overrides: { [name]: value } }))).toEqual(expected);
});

test.each(Object.entries(quirks))('%s says what CloudStack does and what is right', (_, quirk) => {
  expect(quirk.java).not.toBe('');
  expect(quirk.correct).not.toBe(quirk.java);
});
