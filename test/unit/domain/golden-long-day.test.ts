import { expect, test } from 'vitest';
import type { UsageRow } from '../../../src/contracts/usage-row.ts';
import { quirkSet } from '../../../src/domain/quirks.ts';
import { countLines, differing } from '../../golden/counts.ts';
import { noFaults, runModel } from '../../golden/java-model.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../../support/golden.ts';
import { goldenLines } from '../../support/published-lines.ts';

const hour = 3_600_000;

/* A model that writes the rows of the golden runs as the real server did, told to run as for a day of 25 hours. */

test.each(
  ['basic', 'week', 'zones', 'volvm'].flatMap((name) => [
    { name, nth: 'first', lengths: [25, 24, 24] },
    { name, nth: 'second', lengths: [24, 25, 24] },
    { name, nth: 'third', lengths: [24, 24, 25] },
  ]),
)(
  'golden $name, were its $nth day 25 hours long: the rows that a usage server makes of it',
  async ({ name, nth, lengths }) => {
    const golden = await readGolden(name);
    const { changes, fromMs, rangeMs, runDelayMs } = golden;
    let endMs = fromMs;
    const runs = lengths.map((hours) => {
      const startMs = endMs;
      endMs += hours * hour;
      return { startMs, endMs, runMs: endMs + runDelayMs };
    });
    const windows = runs.map((run) => {
      const cutMs = run.endMs - rangeMs;
      if (cutMs === run.startMs) return run;
      const first = { startMs: run.startMs, endMs: cutMs };
      return { ...run, billedAs: [first, { startMs: cutMs, endMs: run.endMs }] };
    });
    const { rows } = foldGolden(golden, quirkSet('java-4.23'), {
      windows,
      losesLateCounters: false,
    });
    const model = runModel({ changes, rangeMs, runs }, noFaults).rows;
    expect(differing(model, countLines(goldenLines(formatGoldenRows(rows))))).toEqual([]);
    const isShort = (row: UsageRow) => row.endMs + 1 - row.startMs === hour;
    // Nothing was there in the first hour of that one.
    expect(rows.some(isShort)).toBe(!(name === 'volvm' && nth === 'first'));
  },
);
