import { createConnection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { mysqlOptions } from '../../src/platform/mysql.ts';
import { readGolden } from '../support/golden.ts';
import { cutByCommit } from '../support/golden-parts.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { servers } from '../support/servers.ts';
import { runStage, runStages, untilArgs } from '../support/stages.ts';

test(
  'golden basic by polling, once after each window: equal to the row and the column',
  { timeout: 120_000 },
  async () => {
    const golden = await readGolden('basic');
    const { mariadbUrl, kafkaBrokers } = servers();
    await using pipeline = await createPipeline({
      mariadbUrl,
      kafka: kafkaBrokers.join(','),
      partitions: 3,
    });
    await using player = await createConnection({
      ...mysqlOptions(pipeline.target),
      multipleStatements: true,
    });
    const ends: number[] = [];
    for (let ms = golden.fromMs; ms < golden.toMs; ms += golden.rangeMs)
      ends.push(ms + golden.rangeMs);
    const parts = cutByCommit(
      golden.inputSql.replaceAll(
        /\b(INSERT INTO|UPDATE) cloud\./g,
        `$1 ${pipeline.names.cloudSchema}.`,
      ),
      ends.map((ms) => ms + golden.runDelayMs),
    );
    for (const [i, endMs] of ends.entries()) {
      await player.query(parts[i] ?? '');
      const poll = ['--source-mode', 'poll', '--poll-window', '1s'];
      await runStage(pipeline, 'tail', ...poll, ...untilArgs(endMs));
    }
    const until = untilArgs(golden.toMs);
    await runStages(pipeline, [
      ['aggregate', ...until],
      ['sink', ...until],
    ]);
    const published = await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema);
    expect(published).toEqual(goldenLines(golden.usage));
  },
);
