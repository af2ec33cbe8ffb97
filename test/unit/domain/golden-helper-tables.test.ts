import { expect, test } from 'vitest';
import { helperChanges } from '../../../src/domain/helper-row.ts';
import { growthTables, intervalTables } from '../../../src/domain/helper-tables.ts';
import type { HelperTable } from '../../../src/domain/helper-tables.ts';
import { quirkSet } from '../../../src/domain/quirks.ts';
import { foldGolden, readGolden, readGoldenTable } from '../../support/golden.ts';

const tables: readonly HelperTable[] = [
  ...Object.values(intervalTables),
  ...Object.values(growthTables),
];

test.each(['basic', 'week', 'zones', 'volvm'])(
  'the helper tables of %s, all columns but the id, can be written from what folds changed',
  async (name) => {
    const { folds } = foldGolden(await readGolden(name), quirkSet('java-4.23'));
    const newest = new Map<string, { table: string; line: string }>();
    for (const { accountId, window, ...folded } of folds)
      for (const { table, serial, cells } of helperChanges(folded, folded.state.domainId, window)) {
        const isGrowth = table === 'usage_network' || table === 'usage_vm_disk';
        newest.set(`${table} ${accountId} ${serial} ${isGrowth ? window.startMs : ''}`, {
          ...{ table, line: lineOf([accountId, ...cells]) },
        });
      }
    for (const { name: table, columns } of tables) {
      const ours = [...newest.values()].filter((row) => row.table === table);
      const theirs = (await readGoldenTable(name, table)).map((row) =>
        lineOf(['account_id', ...columns.map((column) => column.name)].map((c) => row[c] ?? null)),
      );
      expect({ table, rows: ours.map(({ line }) => line).toSorted() }).toEqual({
        ...{ table, rows: theirs.toSorted() },
      });
    }
    expect(newest.size).toBeGreaterThan(5);
  },
);

const lineOf = (cells: readonly (string | number | null)[]): string =>
  cells.map((cell) => cell ?? 'NULL').join('\t');
