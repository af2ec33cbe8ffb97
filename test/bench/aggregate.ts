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
const consume = fileURLToPath(new URL('work/consume.ts', import.meta.url));
const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;

/** Feed to rows by one worker; the baseline is a plain kafkajs consumer that parses and counts. */
export async function benchAggregate(options: BenchOptions): Promise<BenchResult[]> {
  const { mariadbUrl, kafka, events, say } = options;
  await using pipeline = await createPipeline({ mariadbUrl, kafka, raw: false });
  await runStage(pipeline, 'tail', ...untilArgs(startMs - dayMs));
  say('writing the backlog, and the feed from it');
  await fillBacklog(pipeline, events);
  const untilMs = startMs + 29 * dayMs;
  await runStage(pipeline, 'tail', ...untilArgs(untilMs));
  const env = {
    USAGESTREAM_SINK: mariadbUrl,
    USAGESTREAM_LOG: `kafka://${kafka}`,
    USAGESTREAM_BENCH_KAFKA: kafka,
  };
  say('plain consumer');
  const plain = await measure(consume, [`${pipeline.names.prefix}.usage-feed`], env);
  say('aggregate');
  const worker = await measure(main, pipeline.args('aggregate', untilArgs(untilMs)), env);
  const [rows] = await pipeline.pool.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS n FROM ${quoteName(pipeline.names.schema, 'record')}`,
  );
  const result = (what: string, baseline: boolean, m: Measured): BenchResult => ({
    ...{ bench: 'aggregate', what, units: events, unit: 'events', baseline },
    ...{ wallMs: m.wallMs, cpuMs: m.cpuMs, peakMb: m.peakMb },
  });
  return [
    result('plain consumer', true, plain),
    result(`aggregate (${String(rows[0]?.['n'])} rows)`, false, worker),
  ];
}
