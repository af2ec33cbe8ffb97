import { fileURLToPath } from 'node:url';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { plan } from '../../src/simulate/plan.ts';
import { play } from '../../src/simulate/play.ts';
import { runStage, untilArgs } from '../support/stages.ts';
import type { BenchOptions } from './bench-servers.ts';
import { measure } from './measure.ts';
import type { Measured } from './measure.ts';
import type { BenchResult } from './result-table.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const work = (name: string) => fileURLToPath(new URL(`work/${name}.ts`, import.meta.url));
const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;

/**
 * A backlog of single-row inserts, each its own transaction, drained into the raw topics and the feed.
 * Baselines: reading the same binlog with zongji and counting; producing as many messages of the same sizes with kafkajs.
 */
export async function benchTail(options: BenchOptions): Promise<BenchResult[]> {
  const { mariadbUrl, kafka, events, say } = options;
  await using pipeline = await createPipeline({ mariadbUrl, kafka });
  // The snapshot of the empty tables first, so that every event comes by the binlog.
  await runStage(pipeline, 'tail', ...untilArgs(startMs - dayMs));
  const from = await binlogEnd(pipeline);
  say('writing the backlog');
  await fillBacklog(pipeline, events);
  const to = await binlogEnd(pipeline);
  const env = {
    USAGESTREAM_SOURCE: mariadbUrl,
    USAGESTREAM_LOG: `kafka://${kafka}`,
    USAGESTREAM_BENCH_SOURCE: mariadbUrl,
    USAGESTREAM_BENCH_KAFKA: kafka,
  };
  const rows = (what: string, baseline: boolean, m: Measured): BenchResult => ({
    ...{ bench: 'tail', what, units: events, unit: 'events', baseline },
    ...{ wallMs: m.wallMs, cpuMs: m.cpuMs, peakMb: m.peakMb },
  });
  say('tail: binlog to raw topics and feed');
  const tail = await measure(main, pipeline.args('tail', untilArgs(startMs + 3660 * dayMs)), env);
  say('zongji alone on the same binlog');
  const zongji = await measure(
    work('zongji'),
    [from.file, String(from.pos), to.file, String(to.pos), pipeline.names.cloudSchema],
    env,
  );
  say('kafkajs producing the same messages');
  const feed = `${pipeline.names.prefix}.usage-feed`;
  const raw = `${pipeline.names.prefix}.${pipeline.names.cloudSchema}.usage_event`;
  const produced = await measure(work('produce'), [feed, raw, String(events)], env);
  return [
    rows('zongji alone', true, zongji),
    rows('kafkajs, same sizes', true, produced),
    rows('tail', false, tail),
  ];
}

/** One million rows by one statement each would take minutes through a client: the server plays them itself. */
export async function fillBacklog(pipeline: Pipeline, events: number): Promise<void> {
  await play(
    plan({
      ...{ seed: 1, startMs, days: 30, zones: 2, accounts: 200 },
      // So many that a month makes about one row an event.
      vms: Math.max(50, Math.round(events / 300)),
      eventsTarget: events,
    }),
    {
      target: pipeline.target,
      cloudSchema: pipeline.names.cloudSchema,
      pace: 'history',
      signal: new AbortController().signal,
    },
  );
}

async function binlogEnd(pipeline: Pipeline): Promise<{ file: string; pos: number }> {
  const [rows] = await pipeline.pool.query<RowDataPacket[]>('SHOW MASTER STATUS');
  return { file: String(rows[0]?.['File']), pos: Number(rows[0]?.['Position']) };
}
