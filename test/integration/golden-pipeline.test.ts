import { expect, test } from 'vitest';
import { quirkSet } from '../../src/domain/quirks.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { goldenLines, publishedLines, usageTypeOf } from '../support/published-lines.ts';

const counterTypes = new Set([4, 5, 21, 22, 23, 24]);
const cases = ['basic', 'week', 'zones', 'volvm'].flatMap((name) =>
  [1, 3, 8].map((partitions) => ({ name, partitions })),
);

test.each(cases)(
  'golden $name through tail, aggregate and sink on $partitions partitions: equal to the row and the column',
  { timeout: 120_000 },
  async ({ name, partitions }) => {
    const golden = await readGolden(name);
    await using pipeline = await playGolden(golden, { partitions });
    const published = await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema);
    const isCounter = (line: string) => counterTypes.has(usageTypeOf(line));
    const without = published.filter((line) => !isCounter(line));
    expect(without).toEqual(goldenLines(golden.usage).filter((line) => !isCounter(line)));
    // The real server never bills a statistics row that committed after one with a higher id; we do.
    const rows = foldGolden(golden, quirkSet('java-4.23'), { losesLateCounters: false }).rows;
    const counters = published.filter(isCounter);
    expect(counters).toEqual(goldenLines(formatGoldenRows(rows)).filter(isCounter));
    expect(counters).toEqual(
      expect.arrayContaining(goldenLines(golden.usage).filter((line) => isCounter(line))),
    );
  },
);
