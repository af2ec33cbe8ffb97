import { fileURLToPath } from 'node:url';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import { runStage, untilArgs } from '../support/stages.ts';
import type { BenchOptions } from './bench-servers.ts';
import { measure } from './measure.ts';
import type { Measured } from './measure.ts';
import type { BenchResult } from './result-table.ts';
import { fillBacklog } from './tail.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const upsert = fileURLToPath(new URL('work/upsert.ts', import.meta.url));
const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;

/** Closed windows to cloud_usage, usage_job and the topics; the baseline upserts the same rows with mysql2. */
export const benchSink = (options: BenchOptions) => publish(options, 'sink', 'off');

/** The same with the tables that a Java usage server needs to go on. */
export const benchHelpers = (options: BenchOptions) => publish(options, 'helpers', 'on');

async function publish(
  options: BenchOptions,
  bench: string,
  helperTables: 'on' | 'off',
): Promise<BenchResult[]> {
  const { mariadbUrl, kafka, events, say } = options;
  await using pipeline = await createPipeline({ mariadbUrl, kafka, raw: false });
  await runStage(pipeline, 'tail', ...untilArgs(startMs - dayMs));
  say('writing the backlog, the feed and the rows from it');
  await fillBacklog(pipeline, events);
  const until = untilArgs(startMs + 29 * dayMs);
  await runStage(pipeline, 'tail', ...until);
  const helpers = ['--helper-tables', helperTables];
  await runStage(pipeline, 'aggregate', ...until, ...helpers);
  const [rows] = await pipeline.pool.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS n FROM ${quoteName(pipeline.names.schema, 'record')}`,
  );
  const units = Number(rows[0]?.['n']);
  const env = {
    USAGESTREAM_SINK: mariadbUrl,
    USAGESTREAM_LOG: `kafka://${kafka}`,
    USAGESTREAM_BENCH_SINK: mariadbUrl,
  };
  const result = (what: string, baseline: boolean, m: Measured): BenchResult => ({
    ...{ bench, what, units, unit: 'rows', baseline },
    ...{ wallMs: m.wallMs, cpuMs: m.cpuMs, peakMb: m.peakMb },
  });
  say('plain upserts of the same rows');
  const { schema, cloudUsageSchema } = pipeline.names;
  const plain = await measure(upsert, [schema, cloudUsageSchema], env);
  // Its script says how long the upserts took: it also reads the rows, which the sink does not.
  const own = JSON.parse(plain.output) as { wallMs: number; cpuMs: number };
  say('sink');
  const sink = await measure(main, pipeline.args('sink', [...until, ...helpers]), env);
  return [
    result('plain upserts', true, { ...plain, ...own }),
    result(`sink, with topics, helper tables ${helperTables}`, false, sink),
  ];
}
