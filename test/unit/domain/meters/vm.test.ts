import { expect, test } from 'vitest';
import { anomalies, billed, dayMs, hour, play, refusals } from '../../../support/fold-story.ts';
import type { Columns, Line } from '../../../support/fold-story.ts';
import { tellStories } from '../../../support/tell-stories.ts';

const vm = (columns: Columns = {}): Columns => ({
  id: 7,
  name: 'web',
  offering: 3,
  template: 11,
  kind: 'KVM',
  ...columns,
});
const custom = (cpuNumber: string) => ({
  details: [
    ['cpuNumber', cpuNumber],
    ['cpuSpeed', '1000'],
    ['memory', '512'],
  ] as const,
});
const day = (h: number) => dayMs + h * hour;
const stop: Columns = { id: 7 };

tellStories([
  {
    why: 'a VM that runs from 10:00 on is billed to the end of the day',
    given: [['VM.START', 10 * hour, vm()]],
    java: [[`1:7 ${14 * hour}`]],
  },
  {
    why: 'a VM that stops bills the millisecond of the stop too in java-4.23',
    given: [
      ['VM.START', 8 * hour, vm()],
      ['VM.STOP', 20 * hour, stop],
    ],
    java: [[`1:7 ${12 * hour + 1}`]],
    correct: [[`1:7 ${12 * hour}`]],
  },
  {
    why: 'a stop exactly at midnight bills 1 ms of the next day in java-4.23, and nothing after',
    given: [
      ['VM.START', 0, vm()],
      ['VM.STOP', dayMs, stop],
    ],
    java: [[`1:7 ${dayMs}`], ['1:7 1'], []],
    correct: [[`1:7 ${dayMs}`], [], []],
  },
  {
    why: 'a start and a stop in the same second bill 1 ms in java-4.23',
    given: [
      ['VM.START', hour, vm()],
      ['VM.STOP', hour, stop],
    ],
    java: [['1:7 1']],
    correct: [[]],
  },
  {
    why: 'allocation is billed from creation to destruction, stopped or not',
    given: [
      ['VM.CREATE', hour, vm()],
      ['VM.DESTROY', 5 * hour, stop],
    ],
    java: [[`2:7 ${4 * hour + 1}`]],
    correct: [[`2:7 ${4 * hour}`]],
  },
  {
    why: 'a destruction leaves running time open until a stop',
    given: [
      ['VM.CREATE', 0, vm()],
      ['VM.START', 0, vm()],
      ['VM.DESTROY', dayMs - hour, stop],
      ['VM.STOP', day(2), stop],
    ],
    java: [[`2:7 ${dayMs - hour + 1}`, `1:7 ${dayMs}`], [`1:7 ${2 * hour + 1}`]],
    correct: [[`2:7 ${dayMs - hour}`, `1:7 ${dayMs}`], [`1:7 ${2 * hour}`]],
  },
  {
    why: 'a second start ends the first run where it begins',
    given: [
      ['VM.START', 0, vm()],
      ['VM.START', 6 * hour, vm()],
    ],
    java: [[`1:7 ${dayMs + 1}`]],
    correct: [[`1:7 ${dayMs}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'a stop closes every open run, also of two offerings',
    given: [
      ['VM.START', 0, vm()],
      ['VM.DYNAMIC.SCALE', 6 * hour, vm({ offering: 4 })],
      ['VM.STOP', 7 * hour, stop],
    ],
    java: [[`1:7 ${6 * hour + 1}`, `1:7 ${hour + 1}`]],
    correct: [[`1:7 ${6 * hour}`, `1:7 ${hour}`]],
  },
  {
    why: 'a stop of a VM that does not run is an anomaly and bills nothing',
    given: [['VM.STOP', hour, stop]],
    java: [[]],
    odd: ['CLOSE_WITHOUT_OPEN 1'],
  },
  {
    why: 'a stop that an earlier clock wrote before its start leaves the run open',
    given: [
      ['VM.START', hour, vm()],
      ['VM.STOP', hour - 1000, stop],
    ],
    java: [[`1:7 ${23 * hour}`]],
    odd: ['CLOSE_WITHOUT_OPEN 2'],
  },
  {
    why: 'a start with another offering moves the allocated interval in java-4.23: its past vanishes',
    given: [
      ['VM.CREATE', 0, vm()],
      ['VM.START', 6 * hour, vm({ offering: 4 })],
    ],
    java: [[`2:7 ${18 * hour}`, `1:7 ${18 * hour}`]],
    correct: [[`2:7 ${6 * hour}`, `2:7 ${18 * hour}`, `1:7 ${18 * hour}`]],
  },
  {
    why: 'a start with the same offering but another custom size keeps the allocated size in java-4.23',
    given: [
      ['VM.CREATE', 0, vm(custom('1'))],
      ['VM.START', 6 * hour, vm(custom('2'))],
    ],
    java: [[`2:7 ${dayMs}`, `1:7 ${18 * hour}`]],
    correct: [[`2:7 ${6 * hour}`, `2:7 ${18 * hour}`, `1:7 ${18 * hour}`]],
  },
  {
    why: 'with two allocated intervals open a start changes neither',
    given: [
      ['VM.CREATE', 0, vm()],
      ['VM.CREATE', hour, vm({ offering: 5 })],
      ['VM.START', 6 * hour, vm({ offering: 4 })],
    ],
    java: [[`2:7 ${dayMs}`, `2:7 ${23 * hour}`, `1:7 ${18 * hour}`]],
    correct: [[`2:7 ${hour}`, `2:7 ${5 * hour}`, `2:7 ${18 * hour}`, `1:7 ${18 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'a VM that is created twice is allocated twice in java-4.23',
    given: [
      ['VM.CREATE', 0, vm()],
      ['VM.CREATE', 12 * hour, vm()],
    ],
    java: [[`2:7 ${36 * hour}`]],
    correct: [[`2:7 ${24 * hour}`]],
    odd: ['DOUBLE_OPEN 2'],
  },
  {
    why: 'an upgrade of a stopped VM closes the allocation and opens another, even if none was open',
    given: [
      ['VM.UPGRADE', 6 * hour, vm()],
      ['VM.UPGRADE', 12 * hour, vm({ offering: 4 })],
    ],
    java: [[`2:7 ${6 * hour + 1}`, `2:7 ${12 * hour}`]],
    correct: [[`2:7 ${6 * hour}`, `2:7 ${12 * hour}`]],
  },
  {
    why: 'a live scale opens a run even if none was open',
    given: [['VM.DYNAMIC.SCALE', 6 * hour, vm()]],
    java: [[`1:7 ${18 * hour}`]],
  },
  {
    why: 'VM 12 of offering 3 and VM 1 of offering 23 share a row in java-4.23',
    given: [
      ['VM.START', 0, vm({ id: 12, offering: 3 })],
      ['VM.START', 0, vm({ id: 1, offering: 23 })],
    ],
    java: [[`1:1 ${2 * dayMs}`]],
    correct: [[`1:12 ${dayMs}`, `1:1 ${dayMs}`]],
  },
]);

test('a row of running time says what runs, on what offering, template and hypervisor', () => {
  const [output] = play({ lines: [['VM.START', 0, vm(custom('2'))]] });
  expect(output?.rows).toMatchObject([
    {
      usageType: 1,
      key: '-73121000512',
      domainId: '2',
      zoneId: '1',
      description: 'web running time (ServiceOffering: 3) (Template: 11)',
      usageDisplay: '24 Hrs',
      rawUsage: 24,
      vmInstanceId: '7',
      usageId: '7',
      vmName: 'web',
      offeringId: '3',
      templateId: '11',
      type: 'KVM',
      cpuCores: '2',
      cpuSpeed: '1000',
      memory: '512',
      startMs: 0,
      endMs: dayMs - 1,
      lineage: [{ openedBy: '1', closedBy: null, beginMs: 0, endMs: dayMs, billedMs: dayMs }],
    },
  ]);
});

test('a row names the VM as its first interval did, and has the columns of the newest', () => {
  const [output] = play({
    lines: [
      ['VM.START', 0, vm({ name: 'old' })],
      ['VM.START', hour, vm({ name: 'new', template: 12, kind: 'VMware', zone: 2 })],
    ],
  });
  expect(output?.rows).toMatchObject([
    {
      vmName: 'old',
      description: 'old running time (ServiceOffering: 3) (Template: 12)',
      templateId: '12',
      type: 'VMware',
      zoneId: '2',
    },
  ]);
});

test('a description is cut to 255 UTF-16 units, the name is not', () => {
  const name = 'n'.repeat(250);
  const [output] = play({ lines: [['VM.START', 0, vm({ name })]] });
  expect(output?.rows[0]?.description).toBe(`${name} runn`);
  expect(output?.rows[0]?.vmName).toBe(name);
});

test('ids above 2^53 are kept to the digit', () => {
  const id = '18446744073709551615';
  const [output] = play({ lines: [['VM.START', 0, vm({ id, offering: '9007199254740993' })]] });
  expect(output?.rows).toMatchObject([{ usageId: id, offeringId: '9007199254740993' }]);
});

test.each<{ why: string; line: Line; expected: string }>([
  {
    why: 'without offering',
    line: ['VM.START', 0, vm({ offering: null })],
    expected: 'MISSING_VALUE 1',
  },
  {
    why: 'without template',
    line: ['VM.CREATE', 0, vm({ template: null })],
    expected: 'MISSING_VALUE 1',
  },
  { why: 'without name', line: ['VM.UPGRADE', 0, vm({ name: null })], expected: 'MISSING_VALUE 1' },
  {
    why: 'with a size that is no number',
    line: ['VM.START', 0, vm(custom('two'))],
    expected: 'INVALID_VALUE 1',
  },
  {
    why: 'with a size that no column holds',
    line: ['VM.START', 0, vm(custom('4294967296'))],
    expected: 'INVALID_VALUE 1',
  },
])('a VM event $why is refused whole', ({ line, expected }) => {
  const outputs = play({ lines: [line], days: 1 });
  expect(refusals(outputs)).toEqual([expected]);
  expect(outputs[0]?.state.intervals.vm).toEqual([]);
});

test('of a detail that occurs twice the first counts', () => {
  const details = [
    ['cpuNumber', '2'],
    ['cpuNumber', '4'],
  ] as const;
  const [output] = play({ lines: [['VM.START', 0, vm({ details })]] });
  expect(output?.rows[0]?.cpuCores).toBe('2');
});

test.each(['VM.REBOOT', 'VM.MIGRATE', 'VM.EXPUNGE', 'VM.LEASE.EXPIRED'])(
  '%s bills nothing and is no anomaly',
  (type) => {
    const outputs = play({ lines: [[type, 0, vm()]] });
    expect([billed(outputs), anomalies(outputs), refusals(outputs)]).toEqual([[[]], [], []]);
  },
);
