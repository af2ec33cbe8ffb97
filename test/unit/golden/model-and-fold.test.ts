import { expect, test } from 'vitest';
import { quirkSet } from '../../../src/domain/quirks.ts';
import { countLines, differing } from '../../golden/counts.ts';
import { noFaults, runModel } from '../../golden/java-model.ts';
import { makeHistory } from '../../recount/history.ts';
import { foldGolden, formatGoldenRows } from '../../support/golden.ts';
import type { Golden } from '../../support/golden.ts';
import { changesOf } from '../../support/history-changes.ts';
import { runsOf } from '../../support/java-history.ts';
import { goldenLines } from '../../support/published-lines.ts';
import { testSeed } from '../../support/seeded.ts';

/** All of what happens in a history is on time. */
function goldenOf(seed: number): Golden {
  const history = makeHistory(seed, 0);
  const [first, ...others] = history.windows;
  if (first === undefined) throw new Error('no window');
  const fromMs = first.startMs;
  const rangeMs = Math.min(...history.windows.map(({ startMs, endMs }) => endMs - startMs));
  const toMs = fromMs + rangeMs * (1 + others.length);
  const span = { fromMs, toMs, rangeMs, runDelayMs: first.runMs - first.endMs };
  return { name: `seed ${seed}`, inputSql: '', changes: changesOf(history), usage: [], ...span };
}

test('the model of a server and the fold share no rule and write the same rows', () => {
  const { seed, random } = testSeed();
  for (let n = 0; n < 12; n++) {
    const golden = goldenOf(random.whole(1, 1_000_000));
    const { changes, rangeMs } = golden;
    const { rows } = runModel({ changes, rangeMs, runs: runsOf(golden) }, noFaults);
    const options = { losesLateCounters: false };
    const folded = foldGolden(golden, quirkSet('java-4.23'), options).rows;
    const lines = countLines(goldenLines(formatGoldenRows(folded)));
    expect(differing(rows, lines), `SEED=${seed}, ${golden.name}`).toEqual([]);
    expect(rows.size).toBeGreaterThan(0);
  }
}, 60_000);
