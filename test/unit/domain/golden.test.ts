import { expect, test } from 'vitest';
import { naturalKey } from '../../../src/domain/natural-key.ts';
import { presets, quirkSet } from '../../../src/domain/quirks.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../../support/golden.ts';

const java = quirkSet('java-4.23');

test.each(['basic', 'week', 'zones', 'volvm'])(
  'java-4.23 writes the rows of %s that a CloudStack usage server wrote, to the column',
  async (name) => {
    const golden = await readGolden(name);
    const { rows, folds } = foldGolden(golden, java);
    expect(folds.flatMap(({ refused }) => refused)).toEqual([]);
    expect(formatGoldenRows(rows)).toEqual(golden.usage);
  },
);

test.each(['week', 'zones'])(
  'the only rows of %s that the server has not are disk I/O rows whose statistics it lost',
  async (name) => {
    const golden = await readGolden(name);
    const { rows } = foldGolden(golden, java, { losesLateCounters: false });
    const expected = new Set(golden.usage);
    const surplus = rows.filter((row) => !expected.has(formatGoldenRows([row])[0] ?? ''));
    expect(surplus.length).toBe(rows.length - golden.usage.length);
    expect(surplus.length).toBeGreaterThan(0);
    expect(surplus.every(({ usageType }) => usageType >= 21 && usageType <= 24)).toBe(true);
  },
);

const everyInput = ['basic', 'week', 'zones', 'volvm', 'late', 'bug13112', 'volvm-broken'];
test.each(everyInput.flatMap((name) => presets.map((preset) => ({ name, preset }))))(
  '$preset gives every row of $name an identity of its own, and no row a value that cannot be stored',
  async ({ name, preset }) => {
    const { folds } = foldGolden(await readGolden(name), quirkSet(preset));
    for (const { rows } of folds) {
      // Types 25 and 27 have own dates; within one fold the window is the same for all.
      expect(new Set(rows.map((row) => naturalKey(row, 0))).size).toBe(rows.length);
      expect(rows.every(({ rawUsage }) => rawUsage >= 0)).toBe(true);
    }
  },
);

test('an input that made the server repeat days of rows gives each of its rows once', async () => {
  const golden = await readGolden('bug13112');
  const { rows } = foldGolden(golden, java);
  const ours = formatGoldenRows(rows);
  const theirs = new Set(golden.usage);
  expect(new Set(ours).size).toBe(ours.length);
  expect(golden.usage.length).toBeGreaterThan(theirs.size);
});
