import { describe, expect, test } from 'vitest';
import type { Counter } from '../../../../src/contracts/feed-record.ts';
import { u64 } from '../../../../src/contracts/ids.ts';
import type { ZoneId } from '../../../../src/contracts/ids.ts';
import { account, anomalies, billed, dayMs, play } from '../../../support/fold-story.ts';

interface Bytes {
  readonly id?: number;
  readonly device?: number;
  readonly network?: number | null;
  readonly zone?: number;
  readonly sent: number | string;
  readonly received: number;
}

const bytes = ({
  id = 1,
  device = 91,
  network = 801,
  zone = 1,
  sent,
  received,
}: Bytes): Counter => ({
  table: 'user_statistics',
  id: u64(id),
  accountId: account,
  zoneId: u64<ZoneId>(zone),
  publicIpAddress: null,
  deviceId: u64(device),
  deviceType: 'DomainRouter',
  networkId: network === null ? null : u64(network),
  netBytesReceived: u64(0),
  netBytesSent: u64(0),
  currentBytesReceived: u64(0),
  currentBytesSent: u64(0),
  aggBytesReceived: u64(received),
  aggBytesSent: u64(sent),
});

describe.each<{
  why: string;
  days: readonly (readonly Counter[])[];
  java: readonly (readonly string[])[];
  correct?: readonly (readonly string[])[];
  odd?: readonly string[];
}>([
  {
    why: 'the first total is billed whole, then the growth',
    days: [[bytes({ sent: 10, received: 20 })], [bytes({ sent: 15, received: 20 })]],
    java: [
      ['4:91 10', '5:91 20'],
      ['4:91 5', '5:91 0'],
    ],
  },
  {
    why: 'no growth in either direction is no row',
    days: [[bytes({ sent: 10, received: 20 })], [bytes({ sent: 10, received: 20 })]],
    java: [['4:91 10', '5:91 20'], []],
  },
  {
    why: 'a total that goes down bills nothing and is the new base',
    days: [
      [bytes({ sent: 10, received: 20 })],
      [bytes({ sent: 3, received: 25 })],
      [bytes({ sent: 4, received: 25 })],
    ],
    java: [
      ['4:91 10', '5:91 20'],
      ['4:91 0', '5:91 5'],
      ['4:91 1', '5:91 0'],
    ],
    odd: ['COUNTER_RESET null'],
  },
  {
    why: 'rows of one device and network are added up',
    days: [[bytes({ sent: 10, received: 20 }), bytes({ id: 2, sent: 1, received: 2 })]],
    java: [['4:91 11', '5:91 22']],
  },
  {
    why: 'networks and zones of one device are apart',
    days: [
      [
        bytes({ sent: 1, received: 0 }),
        bytes({ id: 2, network: 802, sent: 2, received: 0 }),
        bytes({ id: 3, zone: 2, sent: 3, received: 0 }),
      ],
    ],
    java: [['4:91 1', '5:91 0', '4:91 2', '5:91 0', '4:91 3', '5:91 0']],
  },
  {
    why: 'device 0 is billed with its whole total each day in java-4.23',
    days: [
      [bytes({ device: 0, network: 0, sent: 4, received: 3 })],
      [bytes({ device: 0, network: 0, sent: 8, received: 6 })],
    ],
    java: [
      ['4:null 4', '5:null 3'],
      ['4:null 8', '5:null 6'],
    ],
    correct: [
      ['4:null 4', '5:null 3'],
      ['4:null 4', '5:null 3'],
    ],
  },
  {
    why: 'a counter that was missing for a day is billed with its whole total again in java-4.23',
    days: [
      [bytes({ sent: 10, received: 0 }), bytes({ id: 2, device: 92, sent: 1, received: 0 })],
      [bytes({ id: 2, device: 92, sent: 1, received: 0 })],
      [bytes({ sent: 11, received: 0 }), bytes({ id: 2, device: 92, sent: 1, received: 0 })],
    ],
    java: [['4:91 10', '5:91 0', '4:92 1', '5:92 0'], [], ['4:91 11', '5:91 0']],
    correct: [['4:91 10', '5:91 0', '4:92 1', '5:92 0'], [], ['4:91 1', '5:91 0']],
  },
  {
    why: 'a zone without any counter for a day keeps its bases',
    days: [[bytes({ sent: 10, received: 0 })], [], [bytes({ sent: 11, received: 0 })]],
    java: [['4:91 10', '5:91 0'], [], ['4:91 1', '5:91 0']],
  },
  {
    why: 'a counter without network is billed like any other',
    days: [[bytes({ network: null, sent: 1, received: 2 })]],
    java: [['4:91 1', '5:91 2']],
  },
  {
    why: 'totals above 2^53 are subtracted to the byte',
    days: [
      [bytes({ sent: '18446744073709551614', received: 0 })],
      [bytes({ sent: '18446744073709551615', received: 0 })],
    ],
    java: [
      ['4:91 18446744073709551614', '5:91 0'],
      ['4:91 1', '5:91 0'],
    ],
  },
])('$why', ({ days, java, correct = java, odd }) => {
  test.each([
    { preset: 'java-4.23', expected: java },
    { preset: 'correct', expected: correct },
  ] as const)('$preset', ({ preset, expected }) => {
    const outputs = play({ lines: [], counters: days, days: days.length, preset });
    expect(billed(outputs)).toEqual(expected);
    if (odd !== undefined) expect(anomalies(outputs)).toEqual(odd);
  });
});

test('the order of statistics rows does not matter', () => {
  const rows = [
    bytes({ sent: 1, received: 2 }),
    bytes({ id: 2, sent: 3, received: 4 }),
    bytes({ id: 3, device: 92, sent: 5, received: 6 }),
  ];
  const forth = play({ lines: [], counters: [rows] });
  const back = play({ lines: [], counters: [rows.toReversed()] });
  expect(back[0]?.rows).toEqual(forth[0]?.rows);
});

test('rows of network bytes name device, type and network', () => {
  const [output] = play({ lines: [], counters: [[bytes({ sent: 10, received: 20 })]] });
  expect(output?.rows).toMatchObject([
    {
      usageType: 4,
      description: 'network bytes sent for Host: 91',
      usageDisplay: '10 bytes sent',
      rawUsage: 10,
      usageId: '91',
      type: 'DomainRouter',
      networkId: '801',
      lineage: [],
    },
    {
      usageType: 5,
      description: 'network bytes received for Host: 91',
      usageDisplay: '20 bytes received',
    },
  ]);
});

const disk = (vm: number, volume: number, totals: readonly number[]): Counter => ({
  table: 'vm_disk_statistics',
  id: u64(vm * 100 + volume),
  accountId: account,
  zoneId: u64<ZoneId>(1),
  vmId: u64(vm),
  volumeId: u64(volume),
  netIoRead: u64(0),
  netIoWrite: u64(0),
  currentIoRead: u64(0),
  currentIoWrite: u64(0),
  aggIoRead: u64(totals[0] ?? 0),
  aggIoWrite: u64(totals[1] ?? 0),
  netBytesRead: u64(0),
  netBytesWrite: u64(0),
  currentBytesRead: u64(0),
  currentBytesWrite: u64(0),
  aggBytesRead: u64(totals[2] ?? 0),
  aggBytesWrite: u64(totals[3] ?? 0),
});

test('disk I/O gives four rows when one of the four has grown', () => {
  const outputs = play({
    lines: [],
    counters: [[disk(7, 9, [1, 2, 3, 4])], [disk(7, 9, [1, 2, 3, 5])], [disk(7, 9, [1, 2, 3, 5])]],
    days: 3,
  });
  expect(billed(outputs)).toEqual([
    ['21:9 1', '22:9 2', '23:9 3', '24:9 4'],
    ['21:9 0', '22:9 0', '23:9 0', '24:9 1'],
    [],
  ]);
  expect(outputs[0]?.rows).toMatchObject([
    {
      description: 'disk I/O read (io requests) for Vm: 7 and Volume: 9',
      usageDisplay: '1 io read',
      vmInstanceId: '7',
      type: 'VirtualMachine',
    },
    {
      description: 'disk I/O write (io requests) for Vm: 7 and Volume: 9',
      usageDisplay: '2 io write',
    },
    {
      description: 'disk I/O read (bytes) for Vm: 7 and Volume: 9',
      usageDisplay: '3 bytes read',
    },
    {
      description: 'disk I/O write (bytes) for Vm: 7 and Volume: 9',
      usageDisplay: '4 bytes write',
    },
  ]);
});

test('disk I/O without VM or volume names neither', () => {
  const outputs = play({ lines: [], counters: [[disk(7, 0, [1, 0, 0, 0])]] });
  expect(outputs[0]?.rows[0]).toMatchObject({
    description: 'disk I/O read (io requests)',
    vmInstanceId: null,
    usageId: '0',
  });
});

const bucket = (id: number, size: number | null): Counter => ({
  table: 'bucket_statistics',
  id: u64(id),
  accountId: account,
  bucketId: u64(1000 + id),
  size: size === null ? null : u64(size),
});

test('a bucket with bytes has one row a window, in zone 1; an empty one has none', () => {
  const [output] = play({ lines: [], counters: [[bucket(1, 500), bucket(2, 0), bucket(3, null)]] });
  expect(output?.rows).toMatchObject([
    {
      usageType: 29,
      zoneId: '1',
      description: 'Bucket Size',
      usageDisplay: '500 bytes',
      rawUsage: 500,
      usageId: '1001',
      size: null,
    },
  ]);
});

test.each([
  {
    preset: 'java-4.23',
    removedMs: dayMs - 1,
    expected: 1,
    why: 'is billed for ever in java-4.23',
  },
  {
    preset: 'correct',
    removedMs: dayMs - 1,
    expected: 0,
    why: 'is not billed in the window of its end',
  },
  { preset: 'correct', removedMs: dayMs, expected: 1, why: 'is billed before' },
] as const)('a removed bucket $why', ({ preset, removedMs, expected }) => {
  const [output] = play({
    lines: [],
    counters: [[bucket(1, 500)]],
    buckets: [{ id: u64(1001), accountId: account, removedMs }],
    preset,
  });
  expect(output?.rows.length).toBe(expected);
});
