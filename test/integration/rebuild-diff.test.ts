import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { openGeneration } from '../../src/aggregate/open-generation.ts';
import { rebuild } from '../../src/aggregate/rebuild.ts';
import { compareSides } from '../../src/cli/diff/compare-sides.ts';
import type { Explained } from '../../src/cli/diff/run-diff.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import { readGolden, readGoldenTable } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { recordDigest } from '../support/record-digest.ts';

/** Each plays a history through the whole pipeline. */
vi.setConfig({ testTimeout: 120_000 });

const ioOf = ({ log, target }: Pipeline) => ({
  log,
  store: target,
  logger: createLogger({ level: 'silent' }),
  metrics: createMetrics(),
  signal: new AbortController().signal,
});

async function fold(
  pipeline: Pipeline,
  name: string,
  preset: 'java-4.23' | 'correct',
): Promise<void> {
  const io = { ...ioOf(pipeline), pool: pipeline.pool };
  const { schema, prefix } = pipeline.names;
  const generation = await openGeneration(
    { schema, prefix, name, preset, quirkOverrides: {}, window: {}, settings: {} },
    io,
  );
  if (generation === null) throw new Error('there is no generation');
  await rebuild({ schema, generation }, io);
}

async function compare(
  pipeline: Pipeline,
  a: string,
  b: string,
  { cloudUsageSchema }: Pick<Pipeline['names'], 'cloudUsageSchema'> = pipeline.names,
) {
  const { schema } = pipeline.names;
  const io = ioOf(pipeline);
  const found: Explained[] = [];
  const summary = await compareSides([a, b], {
    ...{ pool: pipeline.pool, schema, cloudUsageSchema, io, signal: io.signal },
    spec: { rangeMinutes: 1440, timeZone: 'GMT' },
    ...{ span: {}, isQuick: false },
    onDifference: (difference) => found.push(difference),
  });
  return { ...summary, found };
}

test.each(['basic', 'week', 'volvm'])(
  'golden %s: a rebuild is equal to the live generation and the live table, the Java rows but for named faults, and every difference of `correct` carries its quirk',
  async (name) => {
    const golden = await readGolden(name);
    await using pipeline = await playGolden(golden, { partitions: 3 });
    const { pool, names } = pipeline;

    await fold(pipeline, 'again', 'java-4.23');
    expect(await recordDigest(pool, names.schema, 'again')).toEqual(
      await recordDigest(pool, names.schema, 'main'),
    );
    expect((await compare(pipeline, 'main', 'again')).found).toEqual([]);
    const live = await compare(pipeline, 'live', 'main');
    expect(live.found).toEqual([]);
    expect(live.equal).toBeGreaterThan(0);

    const file = fileURLToPath(new URL(`../data/golden/${name}/cloud_usage.tsv`, import.meta.url));
    const java = await compare(pipeline, file, 'main');
    expect(java.found.filter(({ because }) => because.kind !== 'java')).toEqual([]);

    await fold(pipeline, 'right', 'correct');
    const right = await compare(pipeline, 'main', 'right');
    expect(right.found.filter(({ because }) => because.kind !== 'quirk')).toEqual([]);
    expect(right.found.length).toBeGreaterThan(0);
    const table = await compare(pipeline, 'live', 'right');
    expect(table.found.filter(({ because }) => because.kind !== 'quirk')).toEqual([]);
    expect(table.found.length).toBeGreaterThan(0);
    const both = await compare(pipeline, file, 'right');
    expect(both.reasons['unexplained'] ?? 0).toBe(0);
  },
);

/** The tables of a golden folder in a schema of their own, as a Java server left them. */
async function javaSchema(pipeline: Pipeline, name: string): Promise<string> {
  const { pool, names } = pipeline;
  const schema = `${names.cloudUsageSchema}_java`;
  await migrate(pool, {
    ...{ schema: names.schema, cloudUsageSchema: schema, withCloudUsage: true, dryRun: false },
  });
  for (const table of ['cloud_usage', 'usage_event', 'usage_job']) {
    const told = await readGoldenTable(name, table);
    const heartbeat = table === 'usage_job' ? { heartbeat: '2026-03-01 00:00:00' } : {};
    const rows = told.map((row): typeof row => ({ ...row, ...heartbeat }));
    const [first] = rows;
    if (!first) continue;
    const columns = Object.keys(first);
    await pool.query(
      `INSERT INTO ${quoteName(schema, table)} (${columns.map((c) => quoteName(c)).join(', ')}) VALUES ?`,
      [rows.map((row) => columns.map((column) => row[column]))],
    );
  }
  return schema;
}

test.each([
  { name: 'late', reasons: { 'java pull-back': 4, 'java late-id': 1, correction: 1 } },
  { name: 'bug13112', reasons: { 'java duplicate': 51, 'java pull-back': 32, 'java undo': 15 } },
  { name: 'volvm-broken', reasons: { 'java undo': 11, 'java pull-back': 6, 'java duplicate': 3 } },
])(
  'golden $name: each difference from the rows of a Java server that did wrong is named',
  async ({ name, reasons }) => {
    await using pipeline = await playGolden(await readGolden(name), { partitions: 1 });
    const schema = await javaSchema(pipeline, name);
    try {
      const java = await compare(pipeline, `java:${schema}`, 'main');
      expect(java.reasons).toEqual(reasons);
      // The daily comparison of a shadow run: the live table is the Java server's.
      const live = await compare(pipeline, 'live', 'main', { cloudUsageSchema: schema });
      expect(live.reasons).toEqual(reasons);
    } finally {
      await pipeline.pool.query(`DROP DATABASE ${quoteName(schema)}`);
    }
  },
);
