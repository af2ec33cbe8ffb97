import { expect, test, vi } from 'vitest';
import { openGeneration } from '../../src/aggregate/open-generation.ts';
import { rebuild } from '../../src/aggregate/rebuild.ts';
import { compareSides } from '../../src/cli/diff/compare-sides.ts';
import { stopAll } from '../../src/cli/demo/stage-process.ts';
import { requestCutover } from '../../src/cli/rebuild/request-cutover.ts';
import { helperTables } from '../../src/domain/helper-tables.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { readGolden } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { publishedLines } from '../support/published-lines.ts';
import { runStages, untilArgs } from '../support/stages.ts';

/** A history through the pipeline, and its processes again after the cutover. */
vi.setConfig({ testTimeout: 120_000 });

const dayMs = 86_400_000;

test('a cutover of the whole pipeline: rows and helper tables become the other generation, its workers and sinks follow, and a rollback brings back what was', async () => {
  const golden = await readGolden('basic');
  await using pipeline = await playGolden(golden, { partitions: 2 });
  const { pool, log, target, names } = pipeline;
  const { schema, prefix, cloudUsageSchema } = names;
  const signal = new AbortController().signal;
  const logger = createLogger({ level: 'silent' });
  const io = { log, store: target, logger, metrics: createMetrics(), signal };
  const rows = () => publishedLines(pool, cloudUsageSchema);
  /** Intervals of the helper tables, but for their ids. */
  const intervals = async () => {
    const lines: string[] = [];
    for (const { name, kind, columns } of helperTables) {
      if (kind !== 'interval') continue;
      const list = ['account_id', ...columns.map((column) => column.name)].map((c) => quoteName(c));
      const [found] = await pool.query<RowDataPacket[]>(
        `SELECT ${list.join(', ')} FROM ${quoteName(cloudUsageSchema, name)}`,
      );
      lines.push(...found.map((row) => `${name} ${JSON.stringify(Object.values(row))}`));
    }
    return lines.toSorted();
  };
  const live = async (generation: string) => {
    const summary = await compareSides(['live', generation], {
      ...{ pool, schema, cloudUsageSchema, io, signal, span: {}, isQuick: true },
      spec: { rangeMinutes: 1440, timeZone: 'GMT' },
      onDifference: () => undefined,
    });
    return summary.classes;
  };
  const right = await openGeneration(
    {
      schema,
      prefix,
      name: 'right',
      preset: 'correct',
      quirkOverrides: {},
      window: {},
      settings: {},
    },
    { ...io, pool },
  );
  if (right === null) throw new Error('there is no generation');
  await rebuild({ schema, generation: right }, io);
  const before = { rows: await rows(), intervals: await intervals() };
  expect(before.intervals.length).toBeGreaterThan(10);

  const call = { pool, schema, io, waitMs: 30_000, onProgress: () => undefined };
  const sink = pipeline.start('sink');
  try {
    await requestCutover({ ...call, kind: 'cutover', name: 'right' });
    expect(await live('right')).toEqual({});
    expect(Object.keys(await live('main'))).not.toEqual([]);
    await requestCutover({ ...call, kind: 'rollback', name: null });
    expect({ rows: await rows(), intervals: await intervals() }).toEqual(before);
    await requestCutover({ ...call, kind: 'cutover', name: 'right' });
    await expect(requestCutover({ ...call, kind: 'cutover', name: 'right' })).rejects.toMatchObject(
      { code: 'CUTOVER_REFUSED' },
    );
  } finally {
    await stopAll([sink]);
  }
  // Told to work on `main`, they work on what took its place.
  const until = untilArgs(golden.toMs + dayMs);
  await runStages(pipeline, [
    ['tail', ...until],
    ['aggregate', ...until],
    ['sink', ...until],
  ]);
  const [windows] = await pool.query<RowDataPacket[]>(
    `SELECT g.name FROM ${quoteName(schema, 'published_window')} w
     JOIN ${quoteName(schema, 'generation')} g ON g.id = w.generation WHERE w.window_start_ms = ?`,
    [golden.toMs],
  );
  expect(windows.map((row) => row['name'] as string)).toEqual(['right']);
  expect(await live('right')).toEqual({});
});
