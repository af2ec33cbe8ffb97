import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { intervalTables } from '../../src/domain/helper-tables.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import type { Golden } from '../support/golden.ts';
import {
  asGoldenSchema,
  enterSystemAccounts,
  goldenParts,
  goldenTableLines,
  playGoldenCloud,
  playGoldenPart,
  tableLines,
} from '../support/golden-tables.ts';
import { handover, runUntil } from '../support/handover.ts';
import { here } from '../support/here.ts';
import type { StoreNames } from '../support/here.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';

const day = 86_400_000;

/**
 * Cuts a history after every one of its windows. The tables at a cut are those that our sink left, which at the
 * end of these histories are equal to the real server's (golden-helper-tables.test.ts); the real ones exist for
 * the end only. The feed ends at each cut, too: the tail begins anew there.
 */
test.each(['basic', 'week', 'zones', 'volvm'])(
  'golden %s handed back and taken over after any of its windows: rows and tables are those of a server that never stopped',
  { timeout: 120_000 },
  async (name) => {
    const { mariadbUrl, kafkaBrokers } = servers();
    using folder = scratchFolder();
    const log = `embedded:${join(folder.path, 'log')}`;
    await using pipeline = await createPipeline({
      ...{ mariadbUrl, kafka: kafkaBrokers.join(','), log, partitions: 3 },
    });
    const golden = await readGolden(name);
    const { tail, publish, takeover, handback } = here(pipeline, {
      ...{ USAGESTREAM_SOURCE: mariadbUrl, USAGESTREAM_SINK: mariadbUrl, USAGESTREAM_LOG: log },
    });
    await enterSystemAccounts(pipeline, golden);
    await tail(iso(golden.fromMs - day));
    const cuts: number[] = [];
    for (let at = golden.fromMs + golden.rangeMs; at < golden.toMs; at += golden.rangeMs)
      cuts.push(at);
    expect(cuts.length).toBeGreaterThan(1);
    const parts = goldenParts(
      golden,
      cuts.map((at) => at + golden.runDelayMs),
    );
    await using stores = await storesFor(pipeline, golden, cuts.length);
    for (const [at, part] of parts.entries()) {
      await playGoldenPart(pipeline, part);
      await tail(iso(cuts[at] ?? golden.toMs));
      const [cutMs, store] = [cuts[at], stores.names[at]];
      if (cutMs === undefined || !store) break;
      await publish(store, 'main', iso(cutMs));
      await handback(store, 'main');
      const taken = await takeover(store, 'next');
      expect(taken).toMatchObject({ window: { startMs: cutMs }, problems: [] });
    }
    for (const store of stores.names) {
      await publish(store, 'next', iso(golden.toMs));
      await handback(store, 'next');
      await expectGolden(pipeline, golden, store.cloudUsageSchema);
    }
  },
);

test(
  'as processes and on Kafka: handed back, taken over, gone on with and handed back',
  { timeout: 120_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const kafka = kafkaBrokers.join(',');
    await using pipeline = await createPipeline({ mariadbUrl, kafka, partitions: 3 });
    const golden = await readGolden('week');
    const cutMs = golden.fromMs + 2 * day;
    const playRest = await playGoldenCloud(pipeline, golden, cutMs + golden.runDelayMs);
    const { takeover, handback } = handover(pipeline);
    await runUntil(pipeline, cutMs);
    expect(handback('main')).toMatchObject({ status: 0 });
    expect(await openJobs(pipeline)).toEqual([]);

    // No Java server has ever worked here: the rules are those of what was handed back.
    const taken = takeover('--into', 'next', '--json', '--preset', 'auto');
    expect(taken).toMatchObject({ status: 0 });
    expect(JSON.parse(taken.stdout)).toMatchObject({
      ...{ window: { startMs: cutMs }, problems: [] },
      rules: { preset: 'java-4.23', quirks: {} },
    });
    await playRest();
    await runUntil(pipeline, golden.toMs, 'next');
    expect(handback('next')).toMatchObject({ status: 0 });
    await expectGolden(pipeline, golden, pipeline.names.cloudUsageSchema);
  },
);

const iso = (ms: number): string => new Date(ms).toISOString();

/** The rows and every table that the usage server keeps are those that the real one left. */
async function expectGolden(pipeline: Pipeline, golden: Golden, schema: string): Promise<void> {
  const quirks = quirkSet('java-4.23');
  const { rows } = foldGolden(golden, quirks, { losesLateCounters: false });
  const published = await publishedLines(pipeline.pool, schema);
  expect(published).toEqual(goldenLines(formatGoldenRows(rows)));
  expect(published).toEqual(expect.arrayContaining(goldenLines(golden.usage)));
  const intervals = Object.values(intervalTables).map((table) => table.name);
  for (const table of [...intervals, 'usage_event', 'usage_event_details', 'account'])
    expect(await tableLines(pipeline, golden.name, table, schema)).toEqual(
      await goldenTableLines(golden.name, table),
    );
}

interface Stores extends AsyncDisposable {
  readonly names: readonly StoreNames[];
}

/** Stores beside the pipeline's own, one a cut, of one cloud and one feed. */
async function storesFor(pipeline: Pipeline, golden: Golden, count: number): Promise<Stores> {
  const names = Array.from({ length: count }, (_, at) => ({
    schema: `${pipeline.names.schema}_${at}`,
    cloudUsageSchema: `${pipeline.names.cloudUsageSchema}_${at}`,
  }));
  for (const store of names) {
    await migrate(pipeline.pool, { ...store, withCloudUsage: true, dryRun: false });
    await asGoldenSchema(pipeline, golden, store.cloudUsageSchema);
  }
  return {
    names,
    async [Symbol.asyncDispose]() {
      for (const schema of names.flatMap((store) => Object.values<string>({ ...store })))
        await pipeline.pool.query(`DROP DATABASE IF EXISTS ${quoteName(schema)}`);
    },
  };
}

async function openJobs(pipeline: Pipeline) {
  const [rows] = await pipeline.pool.query<RowDataPacket[]>(
    `SELECT host FROM ${pipeline.names.cloudUsageSchema}.usage_job WHERE end_millis = 0`,
  );
  return rows;
}
