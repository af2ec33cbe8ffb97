import { expect, test } from 'vitest';
import { zoneOfWindows } from '../../golden/window-zone.ts';

const minute = 60_000;
const range = (from: string, rangeMinutes: number, windows = 3) => {
  const fromMs = Date.parse(from);
  const rangeMs = rangeMinutes * minute;
  return { fromMs, toMs: fromMs + windows * rangeMs, rangeMs };
};

test.each([
  { from: '2026-06-08T00:00Z', minutes: 1440, zone: 'GMT' },
  { from: '2026-06-08T22:00Z', minutes: 1440, zone: 'GMT+02:00' },
  { from: '2026-06-08T05:00Z', minutes: 1440, zone: 'GMT-05:00' },
  { from: '2026-06-08T10:01Z', minutes: 1440, zone: 'GMT-10:01' },
  { from: '2026-06-08T18:15Z', minutes: 1440, zone: 'GMT+05:45' },
  { from: '2026-06-08T05:30Z', minutes: 60, zone: 'GMT-00:30' },
  { from: '2026-06-08T00:15Z', minutes: 720, zone: 'GMT-00:15' },
  { from: '2026-06-08T13:07Z', minutes: 45, zone: 'GMT-00:22' },
  // Not part of a day, but where ours begin.
  { from: '1970-01-01T16:40Z', minutes: 1000, zone: 'GMT' },
  // Two days each, in a zone whose day is the first of two.
  { from: '2026-06-09T22:00Z', minutes: 2880, zone: 'GMT+02:00' },
])('windows of $minutes min from $from are those of $zone', ({ from, minutes, zone }) => {
  expect(zoneOfWindows(range(from, minutes))).toBe(zone);
});

test.each([
  { why: 'whole minutes', of: range('2026-06-08T00:00:30Z', 1440) },
  { why: 'whole windows', of: range('2026-06-08T00:00Z', 1440, 2.5) },
  { why: 'whole windows', of: range('2026-06-08T00:00Z', 1440, 0) },
  { why: 'counted from 1970', of: range('2026-06-08T00:01Z', 1000) },
])('says why windows cannot be ours: $why', ({ why, of }) => {
  expect(() => zoneOfWindows(of)).toThrow(why);
});
