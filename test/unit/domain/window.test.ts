import { fc } from '../../support/fast-check.ts';
import { describe, expect, test } from 'vitest';
import {
  checkWindowSpec,
  hasOrigin,
  isClosed,
  isSameSpec,
  nextWindow,
  toOrigin,
  windowOf,
} from '../../../src/domain/window.ts';

const at = (text: string): number => Date.parse(text);

test.each([
  ['GMT', 1440, '2026-06-10T13:14:15.678Z', '2026-06-10T00:00Z', '2026-06-11T00:00Z', 'a day'],
  ['', 1440, '2026-06-10T00:00Z', '2026-06-10T00:00Z', '2026-06-11T00:00Z', 'a start is inside'],
  ['UTC', 60, '2026-06-10T13:59:59.999Z', '2026-06-10T13:00Z', '2026-06-10T14:00Z', 'an hour'],
  ['GMT', 7, '1970-01-01T00:08Z', '1970-01-01T00:07Z', '1970-01-01T00:14Z', 'steps from the epoch'],
  ['GMT', 1440, '1969-12-31T23:59Z', '1969-12-31T00:00Z', '1970-01-01T00:00Z', 'before the epoch'],
  ['GMT+05:30', 1440, '2026-06-10T18:30Z', '2026-06-10T18:30Z', '2026-06-11T18:30Z', 'fixed zone'],
  ['Europe/Berlin', 1440, '2026-03-29T12:00Z', '2026-03-28T23:00Z', '2026-03-29T22:00Z', '23 h'],
  ['Europe/Berlin', 1440, '2026-10-25T12:00Z', '2026-10-24T22:00Z', '2026-10-25T23:00Z', '25 h'],
  ['Europe/Berlin', 60, '2026-10-25T01:30Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z', 'repeated'],
  ['America/New_York', 1440, '2026-11-01T12:00Z', '2026-11-01T04:00Z', '2026-11-02T05:00Z', '25 h'],
  ['Australia/Lord_Howe', 60, '2026-04-05T13:10Z', '2026-04-05T13:00Z', '2026-04-05T13:30Z', 'cut'],
  ['Asia/Kathmandu', 60, '2026-06-10T00:20Z', '2026-06-10T00:15Z', '2026-06-10T01:15Z', 'quarter'],
  [
    'America/Sao_Paulo',
    1440,
    '2018-11-04T12:00Z',
    '2018-11-04T03:00Z',
    '2018-11-05T02:00Z',
    'hole',
  ],
  ['America/St_Johns', 1440, '2005-10-30T03:20Z', '2005-10-30T02:30Z', '2005-10-31T03:30Z', 'back'],
  ['Pacific/Apia', 1440, '2011-12-30T10:00Z', '2011-12-30T10:00Z', '2011-12-31T10:00Z', 'skipped'],
  ['Europe/Berlin', 1000, '1970-01-01T16:40Z', '1970-01-01T16:40Z', '1970-01-02T09:20Z', 'no day'],
])('%s, %d minutes: %s lies in [%s, %s) (%s)', (timeZone, rangeMinutes, ms, start, end) => {
  const window = windowOf(at(ms), { timeZone, rangeMinutes });
  expect(window).toEqual({ startMs: at(start), endMs: at(end) });
});

describe('every instant lies in one window, and windows abut', () => {
  const zones = [
    'GMT',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'America/St_Johns',
    'Pacific/Apia',
    'Africa/Casablanca',
    'GMT-3',
  ];
  const changes = ['2026-03-29T01:00Z', '2026-10-25T01:00Z', '2026-03-08T07:00Z']
    .concat(['2026-11-01T06:00Z', '2026-04-04T15:00Z', '2026-10-03T15:30Z'])
    .concat(['2005-10-30T02:31Z', '2011-12-30T10:00Z', '2026-02-15T02:00Z'])
    .map(at);
  const nearChange = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -172_800_000, max: 172_800_000 }))
    .map(([change, by]) => change + by);
  const instant = fc.oneof(
    nearChange,
    fc.integer({ min: at('2000-01-01'), max: at('2038-01-01') }),
  );
  const range = fc.constantFrom(1440, 60, 30, 15, 1, 7, 720, 1000, 2880, 10_080, 1441);

  const origin = fc.option(
    fc.integer({ min: 0, max: 30_000_000 }).map((minutes) => minutes * 60_000),
  );
  test.each(zones)('in %s', (timeZone) => {
    fc.assert(
      fc.property(instant, range, origin, (ms, rangeMinutes, originMs) => {
        const spec = { timeZone, rangeMinutes, originMs };
        const window = windowOf(ms, spec);
        const next = nextWindow(window, spec);
        expect(window.startMs).toBeLessThanOrEqual(ms);
        expect(window.endMs).toBeGreaterThan(ms);
        expect(next.startMs).toBe(window.endMs);
        expect(next.endMs).toBeGreaterThan(next.startMs);
        expect(windowOf(window.startMs, spec)).toEqual(window);
        expect(windowOf(window.endMs - 1, spec)).toEqual(window);
        expect(windowOf(window.startMs - 1, spec).endMs).toBe(window.startMs);
        if (!hasOrigin(rangeMinutes))
          expect(window).toEqual(windowOf(ms, { timeZone, rangeMinutes }));
        else if (originMs !== null) {
          expect(window.endMs - window.startMs).toBe(rangeMinutes * 60_000);
          // Of any window of theirs the same windows follow, and no other.
          expect(toOrigin(window.startMs, rangeMinutes)).toBe(toOrigin(originMs, rangeMinutes));
          const again = { ...spec, originMs: toOrigin(originMs, rangeMinutes) };
          expect(windowOf(ms, again)).toEqual(window);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('windows of a range that is neither a day nor an hour follow each other from their origin', () => {
  test.each([
    { range: 90, origin: '2026-06-01T00:15Z', ms: '2026-06-01T00:15Z', start: '2026-06-01T00:15Z' },
    { range: 90, origin: '2026-06-01T00:15Z', ms: '2026-06-01T00:14Z', start: '2026-05-31T22:45Z' },
    { range: 90, origin: '2026-06-01T00:15Z', ms: '2026-06-02T00:14Z', start: '2026-06-01T22:45Z' },
    { range: 7, origin: '2026-06-01T10:03Z', ms: '2026-06-01T10:18Z', start: '2026-06-01T10:17Z' },
    {
      range: 1000,
      origin: '2026-06-01T00:15Z',
      ms: '2026-06-02T12:00Z',
      start: '2026-06-02T09:35Z',
    },
    {
      range: 2880,
      origin: '2026-06-01T05:00Z',
      ms: '2026-06-03T04:59Z',
      start: '2026-06-01T05:00Z',
    },
    // In absolute time: over the change of the clock too.
    {
      range: 720,
      origin: '2026-10-24T22:15Z',
      ms: '2026-10-25T23:00Z',
      start: '2026-10-25T22:15Z',
    },
  ])('$range minutes from $origin: $ms', ({ range, origin, ms, start }) => {
    for (const timeZone of ['GMT', 'Europe/Berlin', 'Asia/Kathmandu']) {
      const spec = { rangeMinutes: range, timeZone, originMs: at(origin) };
      const endMs = at(start) + range * 60_000;
      expect(windowOf(at(ms), spec)).toEqual({ startMs: at(start), endMs });
    }
  });

  test('days and hours have none, and those without one are as they were', () => {
    const berlin = { rangeMinutes: 60, timeZone: 'Europe/Berlin' };
    const ms = at('2026-10-25T01:30Z');
    expect(windowOf(ms, { ...berlin, originMs: 7 * 60_000 })).toEqual(windowOf(ms, berlin));
    const old = { ...berlin, rangeMinutes: 90 };
    expect(windowOf(ms, { ...old, originMs: null })).toEqual(windowOf(ms, old));
    expect(isSameSpec(old, { ...old, originMs: null })).toBe(true);
    expect(isSameSpec(old, { ...old, originMs: 0 })).toBe(false);
    expect(isSameSpec({ ...old, originMs: 0 }, { ...old, originMs: 60_000 })).toBe(false);
  });
});

test('a calendar day starts when the clock on the wall says midnight', () => {
  const wall = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'America/New_York',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  const spec = { timeZone: 'America/New_York', rangeMinutes: 1440 };
  let window = windowOf(at('2026-01-01T12:00Z'), spec);
  const lengths = new Map<number, number>();
  for (let day = 0; day < 365; day += 1) {
    expect(wall.format(window.startMs)).toBe('00:00:00');
    const hours = (window.endMs - window.startMs) / 3_600_000;
    lengths.set(hours, (lengths.get(hours) ?? 0) + 1);
    window = nextWindow(window, spec);
  }
  expect(Object.fromEntries(lengths)).toEqual({ 23: 1, 24: 363, 25: 1 });
});

test('a window closes when the watermark passes its end plus the delay', () => {
  const window = { startMs: 0, endMs: 1_000 };
  expect(isClosed(window, 1_499, 500)).toBe(false);
  expect(isClosed(window, 1_500, 500)).toBe(true);
  expect(isClosed(window, 1_000, 0)).toBe(true);
});

test.each([
  [{ rangeMinutes: 1440, timeZone: 'GMT' }, []],
  [{ rangeMinutes: 60, timeZone: 'Europe/Berlin' }, []],
  [{ rangeMinutes: 1, timeZone: 'GMT+08:00' }, []],
  [{ rangeMinutes: 0, timeZone: 'GMT' }, ['range']],
  [{ rangeMinutes: 1.5, timeZone: 'GMT' }, ['range']],
  [{ rangeMinutes: Number.NaN, timeZone: 'GMT' }, ['range']],
  [{ rangeMinutes: 600_000, timeZone: 'Mars/Olympus' }, ['range', 'time zone']],
  [{ rangeMinutes: 60, timeZone: 'GMT+99' }, ['time zone']],
  [{ rangeMinutes: 90, timeZone: 'GMT', originMs: 60_000 }, []],
  [{ rangeMinutes: 90, timeZone: 'GMT', originMs: 61_000 }, ['origin']],
])('%j has the problems %j', (spec, words) => {
  const problems = checkWindowSpec(spec);
  expect(problems).toHaveLength(words.length);
  words.forEach((word, i) => expect(problems[i]).toContain(word));
});
