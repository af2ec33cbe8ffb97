import { expect, test } from 'vitest';
import type { Counter } from '../../../src/contracts/feed-record.ts';
import { u64 } from '../../../src/contracts/ids.ts';
import type { ZoneId } from '../../../src/contracts/ids.ts';
import { sqlDateTime } from '../../../src/contracts/time.ts';
import { emptyState } from '../../../src/domain/account-state.ts';
import { fold } from '../../../src/domain/fold.ts';
import { foldWindow, hasLongDays } from '../../../src/domain/fold-window.ts';
import { presets, quirkSet } from '../../../src/domain/quirks.ts';
import { nextWindow, windowOf } from '../../../src/domain/window.ts';
import { account, accountRow, eventsOf, hour } from '../../support/fold-story.ts';
import type { Line } from '../../support/fold-story.ts';

const closeDelayMs = 900_000;
const at = (text: string) => Date.parse(text);
const berlin = { rangeMinutes: 1440, timeZone: 'Europe/Berlin' };
const longDay = windowOf(at('2026-10-25T12:00Z'), berlin);
const [java, correct] = presets.map((preset) => quirkSet(preset)) as [
  ReturnType<typeof quirkSet>,
  ReturnType<typeof quirkSet>,
];

const partsOf = (ms: number, spec: typeof berlin, quirks = java) => {
  const { startMs, endMs, billedAs } = foldWindow(windowOf(ms, spec), {
    ...{ spec, closeDelayMs, quirks },
  });
  return (billedAs ?? [{ startMs, endMs }]).map((part) => (part.endMs - part.startMs) / hour);
};

interface LongDay {
  readonly why: string;
  readonly day: string;
  readonly zone?: string;
  readonly is: readonly number[];
}

test.each<LongDay>([
  { why: 'the day of 25 hours is an hour, and 24', day: '2026-10-25', is: [1, 24] },
  { why: 'the day of 23 hours is one', day: '2026-03-29', is: [23] },
  { why: 'a common day is one', day: '2026-10-24', is: [24] },
  {
    why: 'where the clock is set back half an hour: half an hour, and 24',
    ...{ day: '2026-04-05', zone: 'Australia/Lord_Howe', is: [0.5, 24] },
  },
  { why: 'GMT has no long day', day: '2026-10-25', zone: 'GMT', is: [24] },
])('$why', ({ day, zone = 'Europe/Berlin', is }) => {
  const [noon, spec] = [at(`${day}T03:00Z`), { ...berlin, timeZone: zone }];
  expect(partsOf(noon, spec)).toEqual(is);
  const whole = is.reduce((sum, hours) => sum + hours, 0);
  expect(partsOf(noon, spec, correct)).toEqual([whole]);
  expect(hasLongDays(spec)).toBe(zone !== 'GMT');
});

test('only calendar days are split: windows of 25 hours, or of two days, are not', () => {
  for (const rangeMinutes of [1500, 2880]) {
    const spec = { ...berlin, rangeMinutes, originMs: 0 };
    expect(partsOf(at('2026-10-25T12:00Z'), spec)).toEqual([rangeMinutes / 60]);
  }
});

test('days before a change of the clock begin at midnight, however many are folded at once', () => {
  const midnights: string[] = [];
  let window = windowOf(at('2026-10-23T12:00Z'), berlin);
  for (; window.startMs < at('2026-10-27T12:00Z'); window = nextWindow(window, berlin))
    midnights.push(sqlDateTime(window.startMs).slice(5, 16));
  expect(midnights).toEqual(
    ['10-22 22:00', '10-23 22:00', '10-24 22:00', '10-25 23:00'].concat('10-26 23:00'),
  );
});

/** The long day of a story; times are hours since its midnight. */
function playLongDay(lines: readonly Line[], quirks = java, more: readonly Counter[] = []) {
  const { startMs } = longDay;
  const output = fold({
    state: emptyState(account),
    window: foldWindow(longDay, { spec: berlin, closeDelayMs, quirks }),
    events: eventsOf(
      lines.map(([type, hours, columns]) => [type, startMs + hours * hour, columns ?? {}]),
    ),
    facts: { account: accountRow(), counters: more, templates: [], buckets: [] },
    quirks,
    settings: { snapshotVirtualSize: false },
  });
  return output.rows.map(
    ({ usageType, usageDisplay, rawUsage, startMs: from, endMs: to }) =>
      `${usageType}: ${usageDisplay} = ${rawUsage}, ${(from - startMs) / hour} to ${(to + 1 - startMs) / hour}`,
  );
}

const balancer: Line = ['LB.CREATE', 0, { id: 501 }];

test('splitLongDay: what is there all day has a row of 1 hour and one of 24', () => {
  expect(playLongDay([balancer])).toEqual(['11: 1 Hrs = 1, 0 to 1', '11: 24 Hrs = 24, 1 to 25']);
  expect(playLongDay([balancer], correct)).toEqual(['11: 25 Hrs = 25, 0 to 25']);
});

test('splitLongDay: what ends in the first hour has no row of the rest, and the other way round', () => {
  const ended: Line = ['LB.DELETE', 0.5, { id: 501 }];
  expect(playLongDay([balancer, ended])).toEqual(['11: 0.5 Hrs = 0.5000002980232239, 0 to 1']);
  expect(playLongDay([['LB.CREATE', 13, { id: 501 }]])).toEqual(['11: 12 Hrs = 12, 1 to 25']);
});

test('splitLongDay: both windows are of one run: bytes are in the second, a moved begin is gone from the first', () => {
  const sent: Counter = {
    ...{ table: 'user_statistics', id: u64(1), accountId: account, zoneId: u64<ZoneId>(1) },
    ...{ publicIpAddress: null, deviceId: u64(5), deviceType: 'DomainRouter', networkId: u64(8) },
    ...{ netBytesReceived: u64(0), netBytesSent: u64(0), currentBytesReceived: u64(0) },
    ...{ currentBytesSent: u64(0), aggBytesReceived: u64(0), aggBytesSent: u64(4) },
  };
  expect(playLongDay([], java, [sent])).toEqual([
    '4: 4 bytes sent = 4, 1 to 25',
    '5: 0 bytes received = 0, 1 to 25',
  ]);
  const vm = { id: 7, name: 'web', offering: 3, template: 11 };
  const restarted: Line = ['VM.START', 13, { ...vm, offering: 4 }];
  expect(playLongDay([['VM.CREATE', 0, vm], restarted])).toEqual([
    '2: 12 Hrs = 12, 1 to 25',
    '1: 12 Hrs = 12, 1 to 25',
  ]);
  const onPrimary = (type: string, hours: number): Line => [
    ...([type, hours] as [string, number]),
    { id: 7, name: 'nightly', size: 1024, details: [['vmSnapshotId', '601']] },
  ];
  const deletedLater = [
    onPrimary('VMSNAPSHOT.ON_PRIMARY', 0),
    onPrimary('VMSNAPSHOT.OFF_PRIMARY', 2),
  ];
  const rest = `27: 1 Hrs = ${Math.fround(1 + 1e-6 / 3.6)}, 1 to ${2 + 1 / hour}`;
  expect(playLongDay(deletedLater)).toEqual([rest]);
});
