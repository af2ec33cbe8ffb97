import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { noFaults, runModel } from '../golden/java-model.ts';
import { runGolden } from '../golden/run-golden.ts';
import { readGoldenFolder } from '../golden/read-folder.ts';
import { usageColumns } from '../support/published-lines.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';
import { shiftGolden } from '../support/shifted-golden.ts';

/*
 * A golden input, as if its server had had other windows: rows are those of the model that writes the real ones
 * of the golden runs.
 */

const minute = 60_000;
const basicMs = Date.parse('2026-03-01T00:00:00Z');

test.each([
  {
    why: 'of 90 minutes, from a minute of no day and no hour',
    ...{ from: '2026-02-28T22:37:00Z', rangeMinutes: 90, timezone: 'GMT', runDelayMinutes: 1 },
    ...{ begins: '2026-03-01T00:00:00Z', lengths: Array.from({ length: 48 }, () => 90) },
  },
  {
    why: 'of days, of which the second has 25 hours',
    ...{ from: '2026-10-23T22:00:00Z', rangeMinutes: 1440, timezone: 'Europe/Berlin' },
    ...{ begins: '2026-10-23T22:00:00Z', runDelayMinutes: 15, lengths: [1440, 1500, 1440] },
  },
])(
  'the golden runner takes windows $why: all rows are those of the server',
  { timeout: 120_000 },
  async ({ from, begins, rangeMinutes, timezone, runDelayMinutes, lengths }) => {
    using folder = scratchFolder();
    const where = pathToFileURL(`${folder.path}/`);
    const basic = new URL('../data/golden/basic/', import.meta.url);
    const fromMs = Date.parse(from);
    await shiftGolden(basic, where, (Date.parse(begins) - basicMs) / minute);
    let endMs = fromMs;
    const runs = lengths.map((minutes) => {
      const startMs = endMs;
      endMs += minutes * minute;
      return { startMs, endMs, runMs: endMs + runDelayMinutes * minute };
    });
    const run = { rangeMinutes, from: sqlDateTime(fromMs), to: sqlDateTime(endMs) };
    await writeFile(
      new URL('run.json', where),
      JSON.stringify({ ...run, runDelayMinutes, timezone }),
    );
    const { changes } = await readGoldenFolder(where);
    const { rows } = runModel({ changes, rangeMs: rangeMinutes * minute, runs }, noFaults);
    const lines = [...rows].flatMap(([line, n]) => Array.from({ length: n }, () => line));
    await writeFile(
      new URL('cloud_usage.tsv', where),
      [usageColumns.join('\t'), ...lines, ''].join('\n'),
    );
    const result = await runGolden(where, servers());
    expect(result.differences).toEqual([]);
    expect(result.ours.length).toBe(lines.length);
  },
);
