import { describe, expect, test } from 'vitest';
import { cloudRules, firstRunMs, settingConflicts } from '../../../src/domain/cloud-rules.ts';
import type { GivenRules } from '../../../src/domain/cloud-rules.ts';

const range = 'usage.stats.job.aggregation.range';
const zone = 'usage.aggregation.timezone';
const execTime = 'usage.stats.job.exec.time';
const execZone = 'usage.execution.timezone';
const virtualSize = 'usage.snapshot.virtualsize.select';
const minute = 60_000;

const rules = (settings: Readonly<Record<string, string | null>>, given: GivenRules = {}) =>
  cloudRules(new Map(Object.entries(settings)), given);

describe('a cloud setting is read as the Java server reads it', () => {
  test.each([
    { given: {}, is: 1440, why: 'no range is a day' },
    { given: { [range]: '60' }, is: 60, why: 'minutes' },
    { given: { [range]: '0' }, is: 1, why: 'a range below 1 is 1' },
    { given: { [range]: '-5' }, is: 1, why: 'a negative range is 1' },
    { given: { [range]: 'daily' }, is: 1440, why: 'what is no number is a day' },
    { given: { [range]: '999999999' }, is: 1440, why: 'what would overflow is a day' },
    { given: { [range]: null }, is: 1440, why: 'NULL is a day' },
  ])('$why', ({ given, is }) => {
    expect(rules(given).window.rangeMinutes).toBe(is);
  });

  test.each([
    { value: undefined, is: 'GMT' },
    { value: '', is: 'GMT' },
    { value: 'Mars/Olympus', is: 'GMT' },
    { value: '+02:00', is: 'GMT' },
    { value: 'Europe/Berlin', is: 'Europe/Berlin' },
    { value: 'GMT+02:00', is: 'GMT+02:00' },
  ])('the zone $value is $is', ({ value, is }) => {
    expect(rules(value === undefined ? {} : { [zone]: value }).window.timeZone).toBe(is);
  });

  test.each([
    { value: 'true', is: true },
    { value: 'TRUE', is: true },
    { value: 'yes', is: false },
    { value: null, is: false },
  ])('snapshots by virtual size: $value is $is', ({ value, is }) => {
    expect(rules({ [virtualSize]: value }).settings.snapshotVirtualSize).toBe(is);
  });
});

describe('a window closes when the job would run', () => {
  const berlin = 'Europe/Berlin';
  test.each([
    { given: {}, is: 15, why: 'nothing said: 15 minutes' },
    { given: { [range]: '10' }, is: 5, why: 'nothing said: half of a short range' },
    { given: { [execTime]: '00:15' }, is: 15, why: "CloudStack's default" },
    { given: { [execTime]: '00:00' }, is: 15, why: 'late commits need their time' },
    { given: { [execTime]: '02:30' }, is: 150, why: 'the day is closed when the job runs' },
    { given: { [execTime]: '25:70' }, is: 130, why: 'a lenient clock rolls over' },
    { given: { [execTime]: 'noon' }, is: 15, why: 'no time of day' },
    { given: { [execTime]: '00:45', [range]: '60' }, is: 45, why: 'exec minute 45, hourly' },
    {
      given: { [execTime]: '01:00', [execZone]: berlin, [zone]: berlin },
      is: 60,
      why: 'both zones move together',
    },
    {
      given: { [execTime]: '01:30', [execZone]: berlin },
      is: 30,
      why: '01:30 in Berlin is half past midnight in Greenwich',
    },
    { given: { [execTime]: '05:00', [range]: '7' }, is: 3.5, why: 'days are not cut by 7' },
  ])('$why', ({ given, is }) => {
    expect(rules(given).closeDelayMs).toBe(is * minute);
  });

  test('windows that have an origin end when the job runs, so late commits alone need time', () => {
    const settings = { [execTime]: '00:50', [range]: '120' };
    expect(rules(settings, { originMs: 0 }).closeDelayMs).toBe(15 * minute);
    expect(rules(settings, { originMs: null }).closeDelayMs).toBe(50 * minute);
  });
});

describe('the first run is at the next exec.time in the execution zone', () => {
  const berlin = 'Europe/Berlin';
  test.each([
    { from: '2026-06-10T13:14Z', time: '00:15', zone: 'GMT', is: '2026-06-11T00:15Z' },
    { from: '2026-06-10T13:14Z', time: '13:15', zone: 'GMT', is: '2026-06-10T13:15Z' },
    { from: '2026-06-10T13:15Z', time: '13:15', zone: 'GMT', is: '2026-06-10T13:15Z' },
    { from: '2026-06-10T22:10Z', time: '00:15', zone: berlin, is: '2026-06-10T22:15Z' },
    { from: '2026-01-10T22:10Z', time: '00:15', zone: berlin, is: '2026-01-10T23:15Z' },
    // The clock on the wall, after it was changed in the night.
    { from: '2026-03-28T23:30Z', time: '05:00', zone: berlin, is: '2026-03-29T03:00Z' },
    { from: '2026-10-24T22:30Z', time: '05:00', zone: berlin, is: '2026-10-25T04:00Z' },
    { from: '2026-06-10T13:14Z', time: '25:70', zone: 'GMT', is: '2026-06-11T02:10Z' },
    { from: '2026-06-10T13:14Z', time: 'noon', zone: 'GMT', is: '2026-06-11T00:00Z' },
    { from: '2026-06-10T13:14Z', time: '00:15', zone: 'Mars/Olympus', is: '2026-06-11T00:15Z' },
  ])('from $from on, $time in $zone: $is', ({ from, time, zone: name, is }) => {
    const settings = new Map([
      [execTime, time],
      [execZone, name],
    ]);
    expect(firstRunMs(settings, Date.parse(from))).toBe(Date.parse(is));
  });
});

test('where windows begin is kept as the first start from 1970 on, and not for days and hours', () => {
  const originMs = Date.parse('2026-06-10T22:15Z');
  const originOf = (minutes: number) =>
    rules({ [range]: String(minutes) }, { originMs }).window.originMs;
  expect(originOf(90)).toBe(75 * minute);
  expect(originOf(7)).toBe(((originMs / minute) % 7) * minute);
  expect([originOf(60), originOf(1440)]).toEqual([undefined, undefined]);
});

test('what the operator gives wins', () => {
  const settings = { [range]: '60', [zone]: 'Europe/Berlin', [virtualSize]: 'true' };
  const given = {
    rangeMinutes: 120,
    timeZone: 'GMT',
    closeDelayMs: 7,
    snapshotVirtualSize: false,
  };
  expect(rules(settings, given)).toEqual({
    window: { rangeMinutes: 120, timeZone: 'GMT' },
    closeDelayMs: 7,
    settings: { snapshotVirtualSize: false },
  });
});

test('a setting that has no effect on the rules in use is named, once it is said', () => {
  const settings = new Map([
    [range, '60'],
    [zone, 'Etc/UTC'],
    [execTime, '03:00'],
    ['quota.enable.service', 'true'],
  ]);
  const used = cloudRules(new Map());
  expect(settingConflicts(settings, settings.keys(), used)).toEqual([
    { setting: range, cloud: '60', used: '1440' },
    { setting: execTime, cloud: 'delay 10800000 ms', used: 'delay 900000 ms' },
  ]);
  expect(settingConflicts(settings, [zone, 'quota.enable.service'], used)).toEqual([]);
  expect(settingConflicts(settings, settings.keys(), cloudRules(settings))).toEqual([]);
});
