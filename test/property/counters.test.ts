import { expect, test } from 'vitest';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { emptyState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import { presets, quirkSet } from '../../src/domain/quirks.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import { anyFacts, anyGrowing } from '../support/arbitrary-facts.ts';
import type { FactsAt } from '../support/arbitrary-facts.ts';
import { fc } from '../support/fast-check.ts';
import { account, dayMs, delayMs } from '../support/fold-story.ts';

const untilMs = 3 * dayMs;
const anyPreset = fc.constantFrom(...presets);
const anyEnds = fc
  .uniqueArray(fc.integer({ min: 1, max: 71 }), { maxLength: 12 })
  .map((hours) => [...hours.toSorted((a, b) => a - b).map((n) => (n * dayMs) / 24), untilMs]);
const law = { numRuns: 1000 };

test('what totals have grown by is billed once, however the time is cut into windows', () => {
  let billed = 0n;
  fc.assert(
    fc.property(anyGrowing(untilMs), anyPreset, anyEnds, (factsAt, preset, ends) => {
      const rows = rowsOf(factsAt, preset, ends).flat();
      const sums = [4, 5, 21, 22, 23, 24].map((usageType) => sum(rows, usageType));
      expect(sums).toEqual(lastTotals(factsAt));
      billed += sums.reduce((a, b) => a + b, 0n);
    }),
    law,
  );
  expect(billed).toBeGreaterThan(0n);
});

test('whatever totals do, no row is negative, and a window without growth has none', () => {
  fc.assert(
    fc.property(anyFacts(untilMs), anyPreset, anyEnds, (factsAt, preset, ends) => {
      const windows = rowsOf(factsAt, preset, ends);
      for (const rows of windows)
        for (const { quantity, rawUsage } of rows) {
          expect(quantity).toMatch(/^\d+$/);
          expect(rawUsage).toBe(Number(quantity));
        }
      // Of the two directions of a device, and the four of a disk, one at least has grown.
      for (const rows of windows)
        for (const [, group] of Map.groupBy(rows, (row) => `${family(row.usageType)} ${row.key}`))
          expect(group.some(({ quantity }) => quantity !== '0')).toBe(true);
    }),
    law,
  );
});

test('a bucket is billed in each window with the size that is known at its run time', () => {
  let seen = 0;
  fc.assert(
    fc.property(anyFacts(untilMs), anyEnds, (factsAt, ends) => {
      for (const [at, rows] of rowsOf(factsAt, 'correct', ends).entries()) {
        const endMs = ends[at] ?? 0;
        const { counters, buckets } = factsAt(endMs + delayMs);
        const isGone = (id: string) =>
          buckets.some((one) => one.id === id && one.removedMs !== null && one.removedMs < endMs);
        const sizes = counters.flatMap((row) =>
          row.table === 'bucket_statistics' && Number(row.size) > 0 && !isGone(row.bucketId)
            ? [`${row.bucketId} ${row.size}`]
            : [],
        );
        const billed = rows.filter(({ usageType }) => usageType === 29);
        const lines = billed.map((row) => `${row.usageId} ${row.quantity}`);
        expect(lines.toSorted()).toEqual(sizes.toSorted());
        seen += sizes.length;
      }
    }),
    law,
  );
  expect(seen).toBeGreaterThan(100);
});

/** Types whose rows come together. */
const family = (usageType: number): number => (usageType === 29 ? 29 : usageType < 21 ? 4 : 21);

const sum = (rows: readonly UsageRow[], usageType: number): bigint =>
  rows
    .filter((row) => row.usageType === usageType)
    .reduce((total, { quantity }) => total + BigInt(quantity), 0n);

/** Of all counters together, in the order of their usage types. */
function lastTotals(factsAt: FactsAt): bigint[] {
  const totals = [0n, 0n, 0n, 0n, 0n, 0n];
  const add = (first: number, cells: readonly string[]) => {
    for (const [at, cell] of cells.entries()) totals[first + at]! += BigInt(cell);
  };
  for (const row of factsAt(untilMs + delayMs).counters) {
    if (row.table === 'user_statistics') add(0, [row.aggBytesSent, row.aggBytesReceived]);
    if (row.table === 'vm_disk_statistics')
      add(2, [row.aggIoRead, row.aggIoWrite, row.aggBytesRead, row.aggBytesWrite]);
  }
  return totals;
}

function rowsOf(factsAt: FactsAt, preset: Preset, ends: readonly number[]): UsageRow[][] {
  let state = emptyState(account);
  return ends.map((endMs, at) => {
    const runMs = endMs + delayMs;
    const output = fold({
      state,
      window: { startMs: ends[at - 1] ?? 0, endMs, runMs },
      events: [],
      facts: factsAt(runMs),
      quirks: quirkSet(preset),
      settings: { snapshotVirtualSize: false },
    });
    ({ state } = output);
    return [...output.rows];
  });
}
