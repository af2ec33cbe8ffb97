import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { intervalTables } from '../../src/domain/helper-tables.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { goldenTableLines, playGoldenCloud, tableLines } from '../support/golden-tables.ts';
import { handover, runUntil } from '../support/handover.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { servers } from '../support/servers.ts';

const day = 86_400_000;

/**
 * The tables at the cut are those that our sink left, which at the end of these histories are equal to the real
 * server's (golden-helper-tables.test.ts); the real ones exist for the end only.
 */
test.each([
  { name: 'basic', days: 2 },
  { name: 'week', days: 2 },
  { name: 'zones', days: 1 },
  { name: 'volvm', days: 1 },
])(
  'golden $name handed back and taken over after day $days: rows and tables are those of a server that never stopped',
  { timeout: 120_000 },
  async ({ name, days }) => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const kafka = kafkaBrokers.join(',');
    await using pipeline = await createPipeline({ mariadbUrl, kafka, partitions: 3 });
    const golden = await readGolden(name);
    const cutMs = golden.fromMs + days * day;
    const playRest = await playGoldenCloud(pipeline, golden, cutMs + golden.runDelayMs);
    const { takeover, handback } = handover(pipeline);
    await runUntil(pipeline, cutMs);
    expect(handback('main')).toMatchObject({ status: 0 });
    expect(await openJobs(pipeline)).toEqual([]);

    const taken = takeover('--into', 'next', '--json');
    expect(taken).toMatchObject({ status: 0 });
    expect(JSON.parse(taken.stdout)).toMatchObject({ window: { startMs: cutMs }, problems: [] });
    await playRest();
    await runUntil(pipeline, golden.toMs, 'next');
    expect(handback('next')).toMatchObject({ status: 0 });

    const quirks = quirkSet('java-4.23');
    const { rows } = foldGolden(golden, quirks, { losesLateCounters: false });
    const published = await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema);
    expect(published).toEqual(goldenLines(formatGoldenRows(rows)));
    expect(published).toEqual(expect.arrayContaining(goldenLines(golden.usage)));
    for (const { name: table } of Object.values(intervalTables))
      expect(await tableLines(pipeline, name, table)).toEqual(await goldenTableLines(name, table));
    for (const table of ['usage_event', 'usage_event_details', 'account'])
      expect(await tableLines(pipeline, name, table)).toEqual(await goldenTableLines(name, table));
  },
);

async function openJobs(pipeline: Awaited<ReturnType<typeof createPipeline>>) {
  const [rows] = await pipeline.pool.query<RowDataPacket[]>(
    `SELECT host FROM ${pipeline.names.cloudUsageSchema}.usage_job WHERE end_millis = 0`,
  );
  return rows;
}
