import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { intervalTables } from '../../src/domain/helper-tables.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { dieAt, pointsOf } from '../support/crash-command.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { goldenTableLines, playGoldenCloud, tableLines } from '../support/golden-tables.ts';
import { handover, runUntil } from '../support/handover.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

const day = 86_400_000;

test(
  'a handback and a takeover killed at every step and called again leave what undisturbed ones leave',
  { timeout: 120_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const kafka = kafkaBrokers.join(',');
    await using pipeline = await createPipeline({ mariadbUrl, kafka, partitions: 2 });
    const golden = await readGolden('basic');
    const cutMs = golden.fromMs + 2 * day;
    const playRest = await playGoldenCloud(pipeline, golden, cutMs + golden.runDelayMs);
    // The last day is closed, and left to the handback to publish.
    await runUntil(pipeline, cutMs - day);
    const until = untilArgs(cutMs);
    await runStages(pipeline, [
      ['tail', ...until],
      ['aggregate', ...until],
    ]);
    for (const at of pointsOf('handback'))
      dieAt(at, (env) => handover(pipeline, env).handback('main'));
    const { takeover, handback } = handover(pipeline);
    expect(told(handback('main', '--json'))).toMatchObject({ isDone: true, boundaryMs: cutMs });

    for (const at of pointsOf('takeover'))
      dieAt(at, (env) => handover(pipeline, env).takeover('--into', 'next'));
    const taken = told(takeover('--into', 'next', '--json'));
    expect(taken).toMatchObject({ isDone: true, window: { startMs: cutMs }, problems: [] });

    await playRest();
    await runUntil(pipeline, golden.toMs, 'next');
    expect(handback('next')).toMatchObject({ status: 0 });
    const { rows } = foldGolden(golden, quirkSet('java-4.23'), { losesLateCounters: false });
    const published = await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema);
    expect(published).toEqual(goldenLines(formatGoldenRows(rows)));
    const tables = Object.values(intervalTables).map(({ name }) => name);
    for (const table of [...tables, 'usage_event', 'usage_event_details', 'account'])
      expect(await tableLines(pipeline, golden.name, table)).toEqual(
        await goldenTableLines(golden.name, table),
      );
  },
);

function told({ status, stdout, stderr }: ReturnType<ReturnType<typeof handover>['takeover']>) {
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as unknown;
}
