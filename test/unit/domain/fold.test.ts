import { describe, expect, test } from 'vitest';
import { emptyState } from '../../../src/domain/account-state.ts';
import { fold } from '../../../src/domain/fold.ts';
import { quirkSet } from '../../../src/domain/quirks.ts';
import {
  account,
  accountRow,
  anomalies,
  billed,
  dayMs,
  eventsOf,
  hour,
  play,
  refusals,
  windowOfDay,
} from '../../support/fold-story.ts';
import type { Columns, Line } from '../../support/fold-story.ts';

const vm: Columns = { id: 7, name: 'web', offering: 3, template: 11 };

describe('events', () => {
  test('of one second count in the order of their ids as numbers', () => {
    const events = eventsOf(
      [
        ['VM.START', hour, vm],
        ['VM.STOP', hour, { id: 7 }],
      ],
      9,
    );
    const output = fold({
      state: emptyState(account),
      window: windowOfDay(0),
      events: events.toReversed(),
      facts: { account: accountRow(), counters: [], templates: [], buckets: [] },
      quirks: quirkSet('java-4.23'),
      settings: { snapshotVirtualSize: false },
    });
    expect(billed([output])).toEqual([['1:7 1']]);
  });

  test('that are refused leave all others as they are', () => {
    const outputs = play({
      lines: [
        ['VM.START', 0, vm],
        ['VM.START', hour, { ...vm, offering: null }],
        ['VM.STOP', 2 * hour, { id: 7 }],
      ],
    });
    expect(billed(outputs)).toEqual([[`1:7 ${2 * hour + 1}`]]);
    expect(refusals(outputs)).toEqual(['MISSING_VALUE 2']);
    expect(outputs[0]?.refused[0]?.facts).toEqual({ column: 'offeringId' });
  });

  test.each([
    'PORTABLE.IPASSIGN',
    'NET.IP6ASSIGN',
    'GLOBAL.LB.CREATE',
    'SNAPSHOT.COPY',
    'VMSNAPSHOT.REVERTTO',
    'VOLUME.IMPORT',
  ])('%s is reported as never billed', (type) => {
    const outputs = play({ lines: [[type, 0]] });
    expect(anomalies(outputs)).toEqual(['UNBILLED_EVENT_TYPE 1']);
    expect(billed(outputs)).toEqual([[]]);
  });

  test.each(['VOLUME.EXPLODE', 'vm.start', 'TEMPLATE', ''])(
    'of the type "%s", which CloudStack does not write, are reported',
    (type) => {
      expect(anomalies(play({ lines: [[type, 0, vm]] }))).toEqual(['UNKNOWN_EVENT_TYPE 1']);
    },
  );

  test('with a property name as type are unknown, and nothing breaks', () => {
    const lines: Line[] = [
      ['constructor', 0],
      ['__proto__', 0],
    ];
    expect(anomalies(play({ lines }))).toEqual(['UNKNOWN_EVENT_TYPE 1', 'UNKNOWN_EVENT_TYPE 2']);
  });

  test('without resource id are of resource 0', () => {
    expect(billed(play({ lines: [['VM.START', 0, { ...vm, id: null }]] }))).toEqual([
      [`1:0 ${dayMs}`],
    ]);
  });
});

describe('a late event', () => {
  test('acts at its own time, so that later windows are right, and is reported', () => {
    const outputs = play({
      lines: [
        ['VM.START', 0, vm],
        ['VM.STOP', 12 * hour, { id: 7 }],
      ],
      arrives: { 1: 1 },
      days: 2,
    });
    expect(billed(outputs)).toEqual([[`1:7 ${dayMs}`], []]);
    expect(anomalies(outputs)).toEqual(['LATE_EVENT 2']);
  });

  test('that closes does not close what began after it', () => {
    const outputs = play({
      lines: [
        ['VM.START', 12 * hour, vm],
        ['VM.STOP', 6 * hour, { id: 7 }],
      ],
      arrives: { 1: 1 },
      days: 2,
    });
    expect(billed(outputs)).toEqual([[`1:7 ${12 * hour}`], [`1:7 ${dayMs}`]]);
    expect(anomalies(outputs)).toEqual(['END_BEFORE_START 2', 'LATE_EVENT 2']);
  });

  test('that opens ends where the next interval of the resource began', () => {
    const outputs = play({
      lines: [
        ['VM.START', 12 * hour, vm],
        ['VM.START', 6 * hour, vm],
      ],
      arrives: { 1: 1 },
      days: 3,
    });
    expect(billed(outputs)).toEqual([[`1:7 ${12 * hour}`], [`1:7 ${dayMs}`], [`1:7 ${dayMs}`]]);
  });

  test.each(['java-4.23', 'correct'] as const)(
    'that starts with another offering does not change a later allocation (%s)',
    (preset) => {
      const outputs = play({
        lines: [
          ['VM.CREATE', 12 * hour, vm],
          ['VM.START', 6 * hour, { ...vm, offering: 4 }],
        ],
        arrives: { 1: 1 },
        days: 2,
        preset,
      });
      const allocated = outputs[1]?.rows.filter(({ usageType }) => usageType === 2);
      expect(allocated).toMatchObject([{ offeringId: '3', quantity: String(dayMs) }]);
    },
  );
});

describe('the state', () => {
  test('drops what no later window touches, and keeps what ends on the edge', () => {
    const outputs = play({
      lines: [
        ['VM.START', 0, vm],
        ['VM.STOP', hour, { id: 7 }],
        ['VPN.USER.ADD', 0, { id: 5, name: 'ann', zone: 0 }],
        ['VPN.USER.REMOVE', hour, { id: 5, name: 'ann', zone: 0 }],
      ],
      days: 3,
    });
    const kept = outputs.map(({ state }) =>
      Object.values(state.intervals).reduce((sum, rows) => sum + rows.length, 0),
    );
    expect(kept).toEqual([1, 0, 0]);
  });

  test('is not changed by a fold that is given it', () => {
    const [first] = play({ lines: [['VM.START', 0, vm]] });
    const state = first?.state ?? emptyState(account);
    const before = JSON.stringify(state);
    play({ lines: [] });
    fold({
      state,
      window: windowOfDay(1),
      events: eventsOf([['VM.STOP', dayMs + hour, { id: 7 }]], 2),
      facts: { account: accountRow(), counters: [], templates: [], buckets: [] },
      quirks: quirkSet('java-4.23'),
      settings: { snapshotVirtualSize: false },
    });
    expect(JSON.stringify(state)).toBe(before);
  });
});

test('anomalies of one kind and event are one, with a count', () => {
  const lines: Line[] = [
    ['NET.IPASSIGN', dayMs, { id: 1, name: '10.0.0.1', size: 0 }],
    ['NET.IPASSIGN', dayMs, { id: 2, name: '10.0.0.1', size: 0 }],
    ['NET.IPRELEASE', hour, { id: 1, name: '10.0.0.1' }],
  ];
  const outputs = play({ lines, arrives: { 2: 2 }, days: 3 });
  expect(outputs[2]?.anomalies[0]).toMatchObject({
    code: 'END_BEFORE_START',
    eventId: '3',
    facts: { times: 2 },
  });
});
