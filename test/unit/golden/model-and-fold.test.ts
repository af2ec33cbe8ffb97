import { expect, test } from 'vitest';
import { quirkSet } from '../../../src/domain/quirks.ts';
import { countLines, differing } from '../../golden/counts.ts';
import { noFaults, runModel } from '../../golden/java-model.ts';
import { makeHistory } from '../../recount/history.ts';
import type { History } from '../../recount/history.ts';
import { foldGolden, formatGoldenRows } from '../../support/golden.ts';
import { changesOf } from '../../support/history-changes.ts';
import { goldenLines } from '../../support/published-lines.ts';
import { testSeed } from '../../support/seeded.ts';

const settings = { losesLateCounters: false };

/** The rows of the model and of the fold; all of what happens in a history is on time. */
function rowsOf(history: History) {
  const changes = changesOf(history);
  const { windows } = history;
  const rangeMs = Math.min(
    ...windows.map(({ startMs, cutMs, endMs }) => endMs - (cutMs ?? startMs)),
  );
  const span = { fromMs: windows[0]?.startMs ?? 0, toMs: windows.at(-1)?.endMs ?? 0 };
  const golden = { name: '', inputSql: '', changes, usage: [], rangeMs, runDelayMs: 0, ...span };
  const billed = windows.map(({ startMs, endMs, cutMs, runMs }) => {
    if (cutMs === null) return { startMs, endMs, runMs };
    const parts = [
      { startMs, endMs: cutMs },
      { startMs: cutMs, endMs },
    ];
    return { startMs, endMs, runMs, billedAs: parts };
  });
  const { rows } = foldGolden(golden, quirkSet('java-4.23'), { ...settings, windows: billed });
  return {
    model: runModel({ changes, rangeMs, runs: windows }, noFaults).rows,
    fold: countLines(goldenLines(formatGoldenRows(rows))),
  };
}

test('the model of a server and the fold share no rule and write the same rows', () => {
  const { seed, random } = testSeed();
  for (let n = 0; n < 12; n++) {
    const { model, fold } = rowsOf(makeHistory(random.whole(1, 1_000_000), 0));
    expect(differing(model, fold), `SEED=${seed}`).toEqual([]);
    expect(model.size).toBeGreaterThan(0);
  }
}, 60_000);
