import { describe, expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
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

describe('an account that is not known', () => {
  test.each<{ type: string; refused: boolean; columns?: Columns }>([
    { type: 'VM.CREATE', refused: false },
    { type: 'VM.START', refused: false },
    { type: 'VM.STOP', refused: false },
    { type: 'NET.IPASSIGN', refused: true },
    { type: 'NET.IPRELEASE', refused: false },
    { type: 'VOLUME.CREATE', refused: true },
    { type: 'VOLUME.DELETE', refused: false },
    { type: 'TEMPLATE.CREATE', refused: true },
    { type: 'TEMPLATE.DELETE', refused: false },
    { type: 'ISO.CREATE', refused: true },
    { type: 'SNAPSHOT.CREATE', refused: true },
    { type: 'LB.CREATE', refused: true },
    { type: 'LB.DELETE', refused: false },
    { type: 'NET.RULEADD', refused: true },
    { type: 'NETWORK.OFFERING.ASSIGN', refused: true },
    { type: 'NETWORK.OFFERING.REMOVE', refused: false },
    { type: 'VPN.USER.ADD', refused: true },
    { type: 'VPN.USER.REMOVE', refused: true },
    { type: 'SG.ASSIGN', refused: true },
    { type: 'SG.REMOVE', refused: false },
    { type: 'VMSNAPSHOT.CREATE', refused: true },
    { type: 'VMSNAPSHOT.DELETE', refused: true },
    { type: 'VMSNAPSHOT.ON_PRIMARY', refused: true },
    { type: 'VMSNAPSHOT.OFF_PRIMARY', refused: true },
    { type: 'BACKUP.OFFERING.ASSIGN', refused: true },
    { type: 'BACKUP.OFFERING.BACKUPS.DEL', refused: true },
    { type: 'BACKUP.USAGE.METRIC', refused: true },
    { type: 'NETWORK.CREATE', refused: true },
    { type: 'NETWORK.DELETE', refused: false },
    { type: 'VPC.CREATE', refused: true },
    { type: 'VPC.DELETE', refused: false },
  ])('$type: refused $refused', ({ type, refused }) => {
    const outputs = play({ lines: [[type, 0, { ...vm, size: 1 }]], account: null });
    expect(refusals(outputs)).toEqual(refused ? ['UNKNOWN_ACCOUNT 1'] : []);
    expect(outputs[0]?.rows).toEqual([]);
  });

  test('gets the rows of what is open once it is known', () => {
    const [first] = play({ lines: [['VM.START', 0, vm]], account: null });
    const second = fold({
      state: first?.state ?? emptyState(account),
      window: windowOfDay(1),
      events: [],
      facts: { account: accountRow(), counters: [], templates: [], buckets: [] },
      quirks: quirkSet('java-4.23'),
      settings: { snapshotVirtualSize: false },
    });
    expect(billed([second])).toEqual([[`1:7 ${dayMs}`]]);
  });
});

describe('a removed account', () => {
  const removed = (days: number) => accountRow({ removedMs: days * dayMs });
  const lines: Line[] = [
    ['VM.START', 0, vm],
    ['TEMPLATE.CREATE', 0, { id: 5, size: 1 }],
    ['TEMPLATE.CREATE', 0, { id: 6, size: 1 }],
  ];
  const template = (id: number) => ({ id: u64(id), accountId: account, isPublic: true });

  test('is billed for windows that begin up to 3 days after its removal in java-4.23', () => {
    const outputs = play({ lines: lines.slice(0, 1), account: removed(1), days: 6 });
    expect(billed(outputs).map((rows) => rows.length)).toEqual([1, 1, 1, 1, 1, 0]);
  });

  test('is billed for what is open in correct', () => {
    const story = { lines: lines.slice(0, 1), account: removed(1), days: 6 };
    const outputs = play({ ...story, preset: 'correct' });
    expect(billed(outputs).map((rows) => rows.length)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('leaves public templates: only the first ends in java-4.23, after the window of its removal', () => {
    const outputs = play({
      lines: lines.slice(1),
      account: removed(0.5),
      templates: [6, 5].map((id) => ({ ...template(id), removedMs: null })),
      days: 2,
    });
    expect(billed(outputs)).toEqual([[`7:5 ${dayMs}`, `7:6 ${dayMs}`], [`7:6 ${dayMs}`]]);
  });

  test('leaves public templates: all end with it in correct', () => {
    const outputs = play({
      lines: lines.slice(1),
      account: removed(0.5),
      templates: [6, 5].map((id) => ({ ...template(id), removedMs: null })),
      days: 2,
      preset: 'correct',
    });
    expect(billed(outputs)).toEqual([[`7:5 ${dayMs / 2}`, `7:6 ${dayMs / 2}`], []]);
  });

  test('keeps what is not a public template', () => {
    const outputs = play({
      lines: lines.slice(1),
      account: removed(0.5),
      templates: [
        { ...template(5), removedMs: null, isPublic: false },
        { ...template(6), removedMs: 1 },
      ],
      days: 2,
      preset: 'correct',
    });
    expect(outputs[1]?.rows.length).toBe(2);
  });
});

describe('the domain of rows', () => {
  const moved = (preset: 'java-4.23' | 'correct') => {
    const [first] = play({ lines: [['VM.START', 0, vm]], preset });
    return fold({
      state: first?.state ?? emptyState(account),
      window: windowOfDay(1),
      events: [],
      facts: {
        account: accountRow({ domainId: u64(9) }),
        counters: [],
        templates: [],
        buckets: [],
      },
      quirks: quirkSet(preset),
      settings: { snapshotVirtualSize: false },
    }).rows[0]?.domainId;
  };
  test('is the one first seen in java-4.23', () => expect(moved('java-4.23')).toBe('2'));
  test('follows the account in correct', () => expect(moved('correct')).toBe('9'));
  test('is 0 for an account without one', () => {
    const [output] = play({
      lines: [['VM.START', 0, vm]],
      account: accountRow({ domainId: null }),
    });
    expect(output?.rows[0]?.domainId).toBe('0');
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
