import { fc } from '../support/fast-check.ts';
import { expect, test, vi } from 'vitest';
import { quirks, quirkSet } from '../../src/domain/quirks.ts';
import type { QuirkName, QuirkSet } from '../../src/domain/quirks.ts';
import { foldHistory } from '../recount/fold-history.ts';
import { makeHistory } from '../recount/history.ts';
import { usageTypeOf } from '../recount/recount-histories.ts';
import type { Line } from '../recount/recount-histories.ts';

// Folding thousands of histories may take a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const machines = [1, 2];
const hours = [...machines, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 25, 26, 27, 28, 30, 31];
const measured = [4, 5, 21, 22, 23, 24];
const all = [...hours, ...measured, 29];

/** The usage types whose rows a switch may change. */
const reach: Readonly<Record<QuirkName, readonly number[]>> = {
  inclusiveMillisecond: hours,
  vmKeyWithoutSeparators: machines,
  allocatedRowMoves: machines,
  customSizeIgnoredByAllocated: machines,
  duplicateOpens: [2, 3, 6, 9, 10, 11, 12, 13, 25, 27, 28],
  ipReleasedByAddress: [3],
  removeClosesAllNics: [13],
  removeClosesSameSecondAssign: [13],
  vpnRemovedAtRunTime: [14],
  vmSnapshotClosedByOffering: [25],
  vmSnapshotChain: [25],
  snapshotOnPrimaryByName: [27],
  snapshotOnPrimaryLastSecond: [27],
  // It is seen in a helper table alone.
  emptySnapshotOnPrimaryEnds: [],
  deviceZeroChargedInFull: measured,
  returningCounterChargedInFull: measured,
  removedBucketsBilled: [29],
  domainFrozen: all,
  removedAccountsForgotten: all,
  firstPublicTemplateOnly: [7],
  splitLongDay: all,
};
const names = Object.keys(quirks) as QuirkName[];

const history = fc
  .integer({ min: 0, max: 2 ** 31 - 1 })
  .map((seed) => makeHistory(seed, 0, 'small'));
const rows = (one: ReturnType<typeof makeHistory>, set: QuirkSet): readonly Line[] =>
  foldHistory(one, set).lines.toSorted();
const allOff = Object.fromEntries(names.map((name) => [name, false]));

test('a preset is its switches: java-4.23 with all of them off has the rows of correct', () => {
  fc.assert(
    fc.property(history, (one) => {
      const off = quirkSet('java-4.23', allOff);
      expect(rows(one, off)).toEqual(rows(one, quirkSet('correct')));
    }),
    { numRuns: 1000 },
  );
});

test('a switch changes rows of its own usage types only, whatever the others are', () => {
  const changed = new Set<QuirkName>();
  const others = fc.record(Object.fromEntries(names.map((name) => [name, fc.boolean()])));
  fc.assert(
    fc.property(history, fc.constantFrom(...names), others, (one, name, set) => {
      const [on, off] = [true, false].map((value) =>
        rows(one, quirkSet('correct', { ...set, [name]: value })),
      ) as [readonly Line[], readonly Line[]];
      const [isOn, isOff] = [new Set(on), new Set(off)];
      const differing = [...on.filter((l) => !isOff.has(l)), ...off.filter((l) => !isOn.has(l))];
      if (differing.length > 0) changed.add(name);
      for (const line of differing) expect(reach[name], line).toContain(usageTypeOf(line));
    }),
    { numRuns: 1000 },
  );
  // Each switch has a test of its own; here it is enough that most have been seen to act.
  expect(changed.size).toBeGreaterThan(names.length / 2);
});
