import { describe, expect, test } from 'vitest';
import { u64 } from '../../../src/contracts/ids.ts';
import { emptyState } from '../../../src/domain/account-state.ts';
import { fold } from '../../../src/domain/fold.ts';
import { quirkSet } from '../../../src/domain/quirks.ts';
import {
  account,
  accountRow,
  billed,
  dayMs,
  delayMs,
  play,
  refusals,
  windowOfDay,
} from '../../support/fold-story.ts';
import type { Columns, Line, Story } from '../../support/fold-story.ts';

const vm: Columns = { id: 7, name: 'web', offering: 3, template: 11 };

describe('an account that is not known', () => {
  test.each<{ type: string; refused: boolean; columns?: Columns }>([
    { type: 'VM.CREATE', refused: false },
    { type: 'VM.START', refused: false },
    { type: 'VM.STOP', refused: false },
    { type: 'NET.IPASSIGN', refused: true },
    { type: 'NET.IPRELEASE', refused: false },
    { type: 'VOLUME.CREATE', refused: true },
    { type: 'VOLUME.RESIZE', refused: false },
    { type: 'VOLUME.ATTACH', refused: true },
    { type: 'VOLUME.DETACH', refused: false },
    { type: 'VOLUME.UPLOAD', refused: true },
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
    { type: 'VMSNAPSHOT.OFF_PRIMARY', refused: false },
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

  test('leaves public templates: they end with it in correct, though deleted later, and not before its window', () => {
    const story: Story = {
      lines: [
        ['TEMPLATE.CREATE', 0, { id: 5, size: 1 }],
        ['TEMPLATE.DELETE', 0.75 * dayMs, { id: 5 }],
        ['TEMPLATE.CREATE', 0, { id: 6, size: 1 }],
        ['TEMPLATE.DELETE', dayMs, { id: 6 }],
      ],
      templates: [5, 6].map((id) => ({ ...template(id), removedMs: null })),
      preset: 'correct',
      days: 2,
    };
    expect(billed(play({ ...story, account: removed(0.5) }))).toEqual([
      [`7:5 ${dayMs / 2}`, `7:6 ${dayMs / 2}`],
      [],
    ]);
    // Known already when the first day is computed.
    const soon = accountRow({ removedMs: dayMs + delayMs / 2 });
    expect(billed(play({ ...story, account: soon }))).toEqual([
      [`7:5 ${0.75 * dayMs}`, `7:6 ${dayMs}`],
      [],
    ]);
  });

  test('that ends with its window still bills its template 1 ms of the next one in java-4.23', () => {
    const story = {
      lines: lines.slice(1, 2),
      account: removed(1),
      templates: [{ ...template(5), removedMs: null }],
      days: 3,
    };
    expect(billed(play(story))).toEqual([[`7:5 ${dayMs}`], ['7:5 1'], []]);
    // Closed before the rows are made, it is billed to the end of the window and no more.
    const overrides = { firstPublicTemplateOnly: false };
    expect(billed(play({ ...story, overrides }))).toEqual([[`7:5 ${dayMs}`], ['7:5 1'], []]);
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

describe('the domain of rows (domainFrozen)', () => {
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
