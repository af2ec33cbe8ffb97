import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { naturalKey } from '../../src/domain/natural-key.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { isExplained, reportLines } from '../golden/report.ts';
import { runGolden } from '../golden/run-golden.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { goldenLines } from '../support/published-lines.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';
import { shiftGolden } from '../support/shifted-golden.ts';

test.each([
  { name: 'basic', classes: {} },
  { name: 'week', classes: { 'late-id': 92 } },
  { name: 'zones', classes: { 'late-id': 28 } },
  { name: 'volvm', classes: {} },
  { name: 'late', classes: { 'pull-back': 4, 'late-id': 1, 'late-event': 1 } },
  { name: 'bug13112', classes: { duplicate: 51, 'pull-back': 32, undo: 15 } },
  { name: 'volvm-broken', classes: { undo: 11, 'pull-back': 6, duplicate: 4 } },
])(
  'the golden runner names how $name differs from the server, and we have each row once',
  { timeout: 120_000 },
  async ({ name, classes }) => {
    const where = new URL(`../data/golden/${name}/`, import.meta.url);
    const result = await runGolden(where, servers());
    const counts = Map.groupBy(result.differences, (difference) => difference.class);
    expect(Object.fromEntries([...counts].map(([one, { length }]) => [one, length]))).toEqual(
      classes,
    );
    expect(isExplained(result)).toBe(true);
    expect(reportLines(result)[result.differences.length]).toContain(`${name}: `);

    // The fold's rows have one natural key each, and these are the rows that were published.
    const { folds } = foldGolden(await readGolden(name), quirkSet('java-4.23'), {
      losesLateCounters: false,
    });
    for (const { rows } of folds)
      expect(new Set(rows.map((row) => naturalKey(row, 0))).size).toBe(rows.length);
    const rows = folds.flatMap((each) => each.rows);
    const ours = result.ours.filter((line) => !isAdjustment(line));
    expect(ours).toEqual(goldenLines(formatGoldenRows(rows)));
    expect(new Set(result.ours).size).toBe(result.ours.length);
  },
);

test(
  'windows may begin at any minute of the day: the same rows, as much later',
  { timeout: 120_000 },
  async () => {
    using folder = scratchFolder();
    const where = pathToFileURL(`${folder.path}/`);
    const basic = new URL('../data/golden/basic/', import.meta.url);
    await shiftGolden(basic, where, -(8 * 60 + 37));
    const result = await runGolden(where, servers());
    expect(result.differences).toEqual([]);
    expect(result.ours.length).toBe((await readGolden('basic')).usage.length);
    expect(result.ours.some((line) => line.includes('\t2026-02-28 15:23:00\t'))).toBe(true);
  },
);

/** A row of ours for time that was missed in an earlier window. */
const isAdjustment = (line: string): boolean => line.includes('\tAdjustment for ');
