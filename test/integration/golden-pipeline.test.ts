import { createConnection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { mysqlOptions } from '../../src/platform/mysql.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { goldenLines, publishedLines, usageTypeOf } from '../support/published-lines.ts';
import { servers } from '../support/servers.ts';
import { runStage, runStages, untilArgs } from '../support/stages.ts';

const day = 86_400_000;
const counterTypes = new Set([4, 5, 21, 22, 23, 24]);
const cases = ['basic', 'week', 'zones', 'volvm'].flatMap((name) =>
  [1, 3, 8].map((partitions) => ({ name, partitions })),
);

test.each(cases)(
  'golden $name through tail, aggregate and sink on $partitions partitions: equal to the row and the column',
  { timeout: 120_000 },
  async ({ name, partitions }) => {
    const { mariadbUrl, kafkaBrokers } = servers();
    await using pipeline = await createPipeline({
      mariadbUrl,
      kafka: kafkaBrokers.join(','),
      partitions,
    });
    const golden = await readGolden(name);
    // The tail begins before the history, so that all of it comes by the binlog with its commit times.
    await runStage(pipeline, 'tail', ...untilArgs(golden.fromMs - day));
    const player = await createConnection({
      ...mysqlOptions(pipeline.target),
      multipleStatements: true,
    });
    await player.query(
      golden.inputSql.replaceAll(
        /\b(INSERT INTO|UPDATE) cloud\./g,
        `$1 ${pipeline.names.cloudSchema}.`,
      ),
    );
    await player.end();
    const until = untilArgs(golden.toMs);
    await runStages(pipeline, [
      ['tail', ...until],
      ['aggregate', ...until],
      ['sink', ...until],
    ]);
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
