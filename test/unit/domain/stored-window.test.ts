import { expect, test } from 'vitest';
import { readQuirks, storedQuirks, storedWindow } from '../../../src/domain/stored-window.ts';
import { windowSettings } from '../../../src/domain/stored-window.ts';
import type { WindowSpec } from '../../../src/domain/window.ts';

const daily = { rangeMinutes: 1440, timeZone: 'Europe/Berlin' };
const spec = (rangeMinutes: number, originMs: number | null): WindowSpec => ({
  ...{ rangeMinutes, timeZone: 'GMT', originMs },
});

test.each([
  { why: 'a day needs no origin', window: { rangeMinutes: 1440, timeZone: 'GMT' }, kept: {} },
  { why: 'nor does an hour', window: { rangeMinutes: 60, timeZone: 'GMT' }, kept: {} },
  {
    why: 'another range has one',
    window: spec(90, 900_000),
    kept: { window: { originMs: 900_000 } },
  },
  { why: 'but for those made before there were any', window: spec(90, null), kept: {} },
])('windows come back from the settings of a generation: $why', ({ window, kept }) => {
  const { rangeMinutes, timeZone } = window;
  expect(windowSettings(window)).toEqual(kept);
  const settings = JSON.stringify({ billing: {}, ...kept });
  expect(storedWindow({ rangeMinutes, timeZone, settings })).toEqual(window);
});

test.each([
  { preset: 'java-4.23', overrides: {}, stored: { splitLongDay: true } },
  { preset: 'java-4.23', overrides: { splitLongDay: false }, stored: { splitLongDay: false } },
  { preset: 'correct', overrides: {}, stored: { splitLongDay: false } },
  { preset: 'correct', overrides: { splitLongDay: true }, stored: { splitLongDay: true } },
] as const)('$preset with $overrides comes back, and says whether it splits days', (one) => {
  const { preset, overrides, stored } = one;
  const others = { domainFrozen: preset === 'correct' };
  expect(storedQuirks(preset, { ...others, ...overrides }, daily)).toEqual({
    ...others,
    ...stored,
  });
  expect(readQuirks(preset, { ...others, ...stored }, daily)).toEqual({ ...others, ...overrides });
});

test('a generation that was made before there was the choice splits no day', () => {
  expect(readQuirks('java-4.23', {}, daily)).toEqual({ splitLongDay: false });
  expect(readQuirks('correct', {}, daily)).toEqual({});
});

test('where no day is long nothing is said of it', () => {
  for (const window of [
    { rangeMinutes: 1440, timeZone: 'GMT' },
    { ...daily, rangeMinutes: 60 },
  ]) {
    expect(storedQuirks('java-4.23', {}, window)).toEqual({});
    expect(readQuirks('java-4.23', {}, window)).toEqual({});
  }
});
