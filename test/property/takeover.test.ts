import { fc } from '../support/fast-check.ts';
import { expect, test } from 'vitest';
import type { UsageRow } from '../../src/contracts/usage-row.ts';
import { emptyState, tableNames } from '../../src/domain/account-state.ts';
import type { AccountState } from '../../src/domain/account-state.ts';
import { fold } from '../../src/domain/fold.ts';
import type { FoldOutput } from '../../src/domain/fold.ts';
import { helperChanges } from '../../src/domain/helper-row.ts';
import { intervalTables } from '../../src/domain/helper-tables.ts';
import { intervalOf, isUnknownEvent } from '../../src/domain/helper-interval.ts';
import { presets, quirkSet } from '../../src/domain/quirks.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import type { FoldEvent } from '../../src/contracts/fold.ts';
import { anyEvents } from '../support/arbitrary-events.ts';
import { account, accountRow, dayMs, delayMs } from '../support/fold-story.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { JavaTables } from '../support/java-tables.ts';

const days = 4;
const events = anyEvents(days * dayMs);
const anyPreset = fc.constantFrom(...presets);
const anyCut = fc.integer({ min: 1, max: days - 1 });

test('an interval that was written as a row of its helper table and read again is the same', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(events, anyPreset, (list, preset) => {
      for (const { changed, state } of foldDays(list, preset))
        for (const name of tableNames)
          for (const row of changed[name] ?? []) {
            seen.add(name);
            const [change] = helperChanges(
              { changed: { [name]: [row] }, growth: { network: [], disk: [] } },
              state.domainId,
              { startMs: 0, endMs: dayMs },
            );
            const columns = intervalTables[name].columns.map((column) => column.name);
            const cells = columns.map((column, at) => [column, change?.cells[at] ?? null] as const);
            const { serial, openedBy, closedBy } = row;
            const read = intervalOf(name, Object.fromEntries(cells), {
              ...{ serial, openedBy, closedBy },
            });
            expect(read).toEqual(row);
          }
    }),
    { numRuns: 1000 },
  );
  expect([...seen].toSorted()).toEqual(tableNames.toSorted());
});

test('taken over at any window, what follows is billed as if nobody had changed hands', () => {
  fc.assert(
    fc.property(events, anyPreset, anyCut, (list, preset, cut) => {
      const uncut = foldDays(list, preset);
      const taken = foldDays(list, preset, cut, new JavaTables());
      expect(taken.map(({ rows }) => rows.map(rowOf))).toEqual(
        uncut.map(({ rows }) => rows.map(rowOf)),
      );
    }),
    { numRuns: 1000 },
  );
});

test('where no event is known that opened a row, each column of what is billed stays the same', () => {
  const columns = (row: UsageRow) => ({ ...row, key: '', lineage: [] });
  fc.assert(
    fc.property(events, anyPreset, anyCut, (list, preset, cut) => {
      const uncut = foldDays(list, preset);
      const taken = foldDays(list, preset, cut, new JavaTables(false));
      const ofDay = (outputs: readonly FoldOutput[]) =>
        outputs.map(({ rows }) =>
          rows
            .map(columns)
            .map((row) => JSON.stringify(row))
            .toSorted(),
        );
      expect(ofDay(taken)).toEqual(ofDay(uncut));
      const opened = taken.flatMap(({ rows }) => rows.flatMap(({ lineage }) => lineage));
      const known = new Set(list.map(({ id }) => id));
      for (const { openedBy } of opened)
        expect(isUnknownEvent(openedBy) || known.has(openedBy)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test.each(['basic', 'week', 'zones', 'volvm'])(
  'taken over after any window of golden %s, all rows are those that the usage server wrote',
  async (name) => {
    const golden = await readGolden(name);
    const quirks = quirkSet('java-4.23');
    const windows = (golden.toMs - golden.fromMs) / golden.rangeMs;
    for (let cut = 1; cut < windows; cut++) {
      const cutMs = golden.fromMs + cut * golden.rangeMs;
      const tables = new JavaTables();
      const { rows } = foldGolden(golden, quirks, {
        onFold: tables.take.bind(tables),
        before: (state, startMs) =>
          startMs === cutMs
            ? tables.state(state.accountId, state.domainId, startMs, quirks)
            : state,
      });
      expect(formatGoldenRows(rows)).toEqual(golden.usage);
    }
    expect(windows).toBeGreaterThan(1);
  },
  60_000,
);

/** Without what a helper table does not say: which event closed a row that ends after its window. */
const rowOf = (row: UsageRow) => ({
  ...row,
  lineage: row.lineage.map((part) => ({ ...part, closedBy: null })),
});

/** Folds day by day; at the start of day `cut` the state is made from the tables. */
function foldDays(
  list: readonly FoldEvent[],
  preset: Preset,
  cut?: number,
  tables?: JavaTables,
): FoldOutput[] {
  const quirks = quirkSet(preset);
  const outputs: FoldOutput[] = [];
  let state: AccountState = emptyState(account);
  for (let day = 0; day < days; day++) {
    const window = { startMs: day * dayMs, endMs: (day + 1) * dayMs };
    if (day === cut && tables)
      state = tables.state(account, state.domainId, window.startMs, quirks);
    const output = fold({
      state,
      window: { ...window, runMs: window.endMs + delayMs },
      events: list.filter(
        ({ createdMs }) => createdMs >= window.startMs && createdMs < window.endMs,
      ),
      facts: { account: accountRow(), counters: [], templates: [], buckets: [] },
      quirks,
      settings: { snapshotVirtualSize: false },
    });
    tables?.take(account, output, window);
    state = output.state;
    outputs.push(output);
  }
  return outputs;
}
