import { fc } from '../support/fast-check.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { expect, test, vi } from 'vitest';
import { u64 } from '../../src/contracts/ids.ts';
import { presets } from '../../src/domain/quirks.ts';
import { anyEvents } from '../support/arbitrary-events.ts';
import { dayMs } from '../support/fold-story.ts';
import { playLate, standing, standingColumns } from '../support/late-story.ts';
import type { LateStory } from '../support/late-story.ts';

// Two folds of a past a run, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const days = 3;
const template = { id: u64('1'), accountId: u64('3'), isPublic: true, removedMs: null };

/** Any events, each seen by the close of its window or of a later one. */
const anyStory: fc.Arbitrary<LateStory> = fc
  .record({
    events: anyEvents(days * dayMs),
    lags: fc.array(fc.constantFrom(0, 0, 0, 1, 2, 9), { minLength: 60, maxLength: 60 }),
    rangeMs: fc.constantFrom(dayMs, dayMs / 4),
    preset: fc.constantFrom(...presets),
    removedMs: fc.option(fc.integer({ min: 0, max: days * dayMs })),
    isPublic: fc.boolean(),
  })
  .map(({ events, lags, rangeMs, preset, removedMs, isPublic }) => {
    // Two more days, so that what comes last can correct what came before.
    const windows = ((days + 2) * dayMs) / rangeMs;
    const arrivals = events.map((event, at) => {
      const own = Math.floor(event.createdMs / rangeMs);
      return { event, seenBy: Math.min(own + (lags[at] ?? 0), windows - 1) };
    });
    const templates = isPublic ? [{ ...template, accountId: u64<never>('3') }] : [];
    return { arrivals, rangeMs, windows, preset, account: { removedMs }, templates };
  });

const inTime = (story: LateStory): LateStory => ({
  ...story,
  arrivals: story.arrivals.map(({ event }) => ({
    event,
    seenBy: Math.floor(event.createdMs / story.rangeMs),
  })),
});

/** Each serial by its place among all: a refold goes on counting where the state was, in the same order. */
function ranked(state: AccountState): AccountState {
  const all = Object.values(state.intervals).flatMap((rows) => rows.map(({ serial }) => serial));
  const places = new Map(all.toSorted((a, b) => a - b).map((serial, at) => [serial, at]));
  const intervals = Object.entries(state.intervals).map(([name, rows]) => [
    name,
    rows.map((row) => ({ ...row, serial: places.get(row.serial) })),
  ]);
  return { ...state, nextSerial: 0, intervals: Object.fromEntries(intervals) };
}

test('rows and corrections add up to a recount of all events, in whatever order they came', async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(anyStory, async (story) => {
      const outcome = await playLate(story);
      const recount = await playLate(inTime(story));
      made += outcome.corrections.length;
      expect(recount.corrections).toEqual([]);
      expect(standing(outcome)).toEqual(standing(recount));
      expect(standingColumns(outcome)).toEqual(standingColumns(recount));
      // And what comes later is folded from the right state.
      expect(ranked(outcome.state)).toEqual(ranked(recount.state));
      for (const { eventIds, delta, action, row } of outcome.corrections) {
        expect(eventIds.length).toBeGreaterThan(0);
        expect(action).toBe(delta > 0n ? 'append' : 'ledger');
        expect(row === null ? null : row.quantity).toBe(delta > 0n ? String(delta) : null);
      }
      const identities = new Set(outcome.corrections.map((one) => one.idempotencyKey));
      expect(identities.size).toBe(outcome.corrections.length);
    }),
    { numRuns: 1000 },
  );
  expect(made).toBeGreaterThan(1000);
});

test('a history that is played again makes the same corrections', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, async (story) => {
      const again = { ...story, arrivals: story.arrivals.toReversed() };
      expect((await playLate(again)).corrections).toEqual((await playLate(story)).corrections);
    }),
    { numRuns: 1000 },
  );
});
