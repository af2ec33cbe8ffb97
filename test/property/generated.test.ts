import { expect, test } from 'vitest';
import { emptyState } from '../../src/domain/account-state.ts';
import { meaningOf, ruledTypes, unbilledTypes } from '../../src/domain/event-rules.ts';
import { fold } from '../../src/domain/fold.ts';
import { presets, quirkSet } from '../../src/domain/quirks.ts';
import { anyEvents, madeTypes } from '../support/arbitrary-events.ts';
import { anyFacts } from '../support/arbitrary-facts.ts';
import { fc } from '../support/fast-check.ts';
import { account, dayMs, windowOfDay } from '../support/fold-story.ts';
import { givenSeed } from '../support/seeded.ts';
import { sources } from '../support/sources.ts';

const usageTypes = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  ...[21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31],
];

test('properties know every event type that has a rule, that is never billed, ignored or unknown', () => {
  expect(ruledTypes.length).toBe(46);
  expect(madeTypes).toEqual(expect.arrayContaining([...ruledTypes, ...unbilledTypes]));
  const meanings = new Set(madeTypes.map(meaningOf).filter((one) => typeof one === 'string'));
  expect(meanings).toEqual(new Set(['ignored', 'unbilled', 'unknown']));
  for (const prefix of ['VM.', 'NET.IP', 'LB.', 'NET.RULE', 'VPN.USER'])
    expect(madeTypes.filter((type) => meaningOf(type) === 'ignored').join(' ')).toContain(prefix);
});

test('a thousand histories have every event type, and rows of every usage type', () => {
  const events = new Set<string>();
  const rows = new Set<number>();
  fc.assert(
    fc.property(
      anyEvents(dayMs),
      anyFacts(dayMs),
      fc.constantFrom(...presets),
      (list, factsAt, preset) => {
        for (const { type } of list) events.add(type);
        const window = windowOfDay(0);
        const output = fold({
          ...{ state: emptyState(account), window, events: list, facts: factsAt(window.runMs) },
          ...{ quirks: quirkSet(preset), settings: { snapshotVirtualSize: false } },
        });
        for (const { usageType } of output.rows) rows.add(usageType);
        expect(output.refused).toEqual([]);
      },
    ),
  );
  expect([...events].toSorted()).toEqual(madeTypes.toSorted());
  expect([...rows].toSorted((a, b) => a - b)).toEqual(usageTypes);
});

test('every property has a thousand cases, and the seed that is given', () => {
  for (const { path, text } of sources('test/**/*.ts')) {
    if (path === 'test/support/fast-check.ts') continue;
    expect(text, path).not.toMatch(/from '[f]ast-check'/);
    for (const [, runs] of text.matchAll(/numRuns: (\d+)/g))
      expect(Number(runs), path).toBeGreaterThanOrEqual(1000);
  }
});

test.each([
  { text: '', seed: null },
  { text: '7', seed: 7 },
  { text: '-1011610860', seed: -1011610860 },
])('SEED=$text is the seed $seed', ({ text, seed }) => {
  expect(givenSeed(text)).toBe(seed);
});

test.each(['x', '1.5', '99999999999'])('SEED=%s is refused', (text) => {
  expect(() => givenSeed(text)).toThrow('SEED must be a whole number');
});

test('the seed that is given, or a new one, and a thousand cases are what properties get', () => {
  const seed = givenSeed();
  const { numRuns, seed: used } = fc.readConfigureGlobal();
  expect([numRuns, used ?? null]).toEqual([1000, seed]);
});
