import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ruledTypes, unbilledTypes } from '../../src/domain/event-rules.ts';
import { presets, quirkSet } from '../../src/domain/quirks.ts';
import { createSimulatedCloud } from '../support/simulated-cloud.ts';
import type { SimulatedCloud } from '../support/simulated-cloud.ts';
import { testSeed } from '../support/seeded.ts';
import { foldHistory } from './fold-history.ts';
import { idsPerHistory, makeHistory } from './history.ts';
import { loadHistories } from './load-histories.ts';
import { accountOf, recountHistories, usageTypeOf } from './recount-histories.ts';
import type { Line } from './recount-histories.ts';

const { seed } = testSeed();
const histories = Array.from({ length: 200 }, (_, at) => makeHistory(seed + at, at));
const seconds = 120_000;
const usageTypes = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  ...[21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31],
];

test(`the histories have every event type that has a rule, and every type that is never billed (seed ${seed})`, () => {
  const made = new Set(histories.flatMap(({ events }) => events.map(({ type }) => type)));
  for (const type of [...ruledTypes, ...unbilledTypes]) expect(made).toContain(type);
});

describe(`200 random histories of all usage types (seed ${seed})`, () => {
  let cloud: SimulatedCloud;
  beforeAll(async () => {
    cloud = await createSimulatedCloud();
    await cloud.connection.query(`USE ${cloud.cloudSchema}`);
    await loadHistories(cloud.connection, histories);
  }, seconds);
  afterAll(() => cloud[Symbol.asyncDispose]());

  test.each(presets)(
    'the fold makes the rows that a naive count in SQL makes: %s',
    async (preset) => {
      const counted = await recountHistories(cloud.connection, preset);
      const folded = histories.map((history) => foldHistory(history, quirkSet(preset)));
      const lines = folded.flatMap((each) => each.lines);
      expect(differences(counted, lines)).toEqual([]);
      const types = new Set(lines.map(usageTypeOf));
      expect([...types].toSorted((a, b) => a - b)).toEqual(usageTypes);
      // What a history has to have for the rules to be tried at all.
      const remarks = new Set(folded.flatMap((each) => each.remarks));
      for (const code of oddities) expect(remarks).toContain(code);
      const windows = histories.flatMap((history) => history.windows);
      expect(windows.some(({ cutMs }) => cutMs !== null)).toBe(true);
    },
    seconds,
  );
});

const oddities = [
  ...['DOUBLE_OPEN', 'CLOSE_WITHOUT_OPEN', 'COUNTER_RESET', 'UNBILLED_EVENT_TYPE'],
  ...['MISSING_VALUE', 'INVALID_VALUE'],
];

/** Up to ten lines that are not on both sides equally often, each with the seed of its history. */
function differences(counted: readonly Line[], folded: readonly Line[]): string[] {
  const surplus = new Map<Line, number>();
  for (const line of folded) surplus.set(line, (surplus.get(line) ?? 0) + 1);
  for (const line of counted) surplus.set(line, (surplus.get(line) ?? 0) - 1);
  return [...surplus]
    .filter(([, times]) => times !== 0)
    .map(([line, times]) => `${times > 0 ? 'only folded' : 'only counted'}, ${whereOf(line)}`)
    .toSorted()
    .slice(0, 10);
}

function whereOf(line: Line): string {
  const at = Math.floor(Number(accountOf(line)) / idsPerHistory);
  return `history ${at} (SEED=${seed + at} makes it number 0): ${line}`;
}
