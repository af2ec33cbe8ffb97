import { expect, test } from 'vitest';
import { windowArgs, windowsOfRun } from '../../golden/window-zone.ts';

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
])('windows of $minutes min from $from are those of $zone', ({ from, minutes, zone }) => {
  const spec = windowsOfRun(range(from, minutes));
  expect(spec).toEqual({ rangeMinutes: minutes, timeZone: zone });
  expect(windowArgs(spec)).toEqual(['--time-zone', zone]);
});

test.each([
  { from: '2026-06-08T00:15Z', minutes: 720 },
  { from: '2026-06-08T13:07Z', minutes: 45 },
  { from: '2026-06-08T00:01Z', minutes: 1000 },
  { from: '2026-06-09T22:00Z', minutes: 2880 },
])('windows of $minutes min begin where the server began: $from', ({ from, minutes }) => {
  const run = { ...range(from, minutes), timeZone: 'Europe/Berlin' };
  const spec = windowsOfRun(run);
  const [timeZone, originMs] = ['Europe/Berlin', Date.parse(from)];
  expect(spec).toEqual({ rangeMinutes: minutes, timeZone, originMs });
  const iso = new Date(originMs).toISOString();
  expect(windowArgs(spec)).toEqual(['--time-zone', timeZone, '--window-origin', iso]);
});

test.each([
  { why: 'a day of 25 hours', from: '2026-10-23T22:00Z', to: '2026-10-26T23:00Z', minutes: 1440 },
  { why: 'a day of 23 hours', from: '2026-03-27T23:00Z', to: '2026-03-30T22:00Z', minutes: 1440 },
  { why: 'hours', from: '2026-06-08T05:00Z', to: '2026-06-08T09:00Z', minutes: 60 },
])('the time zone that a folder names is used where its windows fit: $why', (run) => {
  const { from, to, minutes } = run;
  const bounds = { fromMs: Date.parse(from), toMs: Date.parse(to), rangeMs: minutes * minute };
  const timeZone = 'Europe/Berlin';
  expect(windowsOfRun({ ...bounds, timeZone })).toEqual({ rangeMinutes: minutes, timeZone });
});

test.each([
  { why: 'whole minutes', of: range('2026-06-08T00:00:30Z', 1440) },
  { why: 'whole windows', of: range('2026-06-08T00:00Z', 1440, 2.5) },
  { why: 'whole windows', of: range('2026-06-08T00:00Z', 1440, 0) },
  { why: 'whole windows', of: range('2026-06-08T00:00Z', 90, 2.5) },
])('says why windows cannot be ours: $why', ({ why, of }) => {
  expect(() => windowsOfRun(of)).toThrow(why);
});
