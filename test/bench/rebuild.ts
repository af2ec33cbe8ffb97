import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import nodeFlags from '../../src/cli/node-flags.json' with { type: 'json' };
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import { plan } from '../../src/simulate/plan.ts';
import { play } from '../../src/simulate/play.ts';
import { recordDigest } from '../support/record-digest.ts';
import { runStage, untilArgs } from '../support/stages.ts';
import type { BenchOptions } from './bench-servers.ts';
import { measure } from './measure.ts';
import type { Measured } from './measure.ts';
import type { BenchResult } from './result-table.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const work = (name: string) => fileURLToPath(new URL(`work/${name}.ts`, import.meta.url));
const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const days = 92;

/**
 * Feed to a new generation, three simulated months of three hundred accounts: all events, a tenth of them (what an
 * event costs must not grow), and again with three SIGKILLs on the way, which must give the same rows.
 * Baselines: a plain consumer that parses and counts, and plain upserts of the rows. Units are events and rows.
 */
export async function benchRebuild(options: BenchOptions): Promise<BenchResult[]> {
  const { events, say } = options;
  const small = await rebuildOnce(options, Math.max(1000, Math.round(events / 10)), false);
  const large = await rebuildOnce(options, events, true);
  const perUnit = (r: { m: Measured; units: number }) => r.m.wallMs / r.units;
  const perCpu = (r: { m: Measured; units: number }) => r.m.cpuMs / r.units;
  const percent = (a: number, b: number) => `${((a / b - 1) * 100).toFixed(0)} %`;
  say(
    `cost per unit of ${events} events against ${small.events}: ${percent(perUnit(large), perUnit(small))} wall, ` +
      `${percent(perCpu(large), perCpu(small))} CPU of the process`,
  );
  return [...large.results, ...small.results.filter(({ baseline }) => !baseline)];
}

async function rebuildOnce(options: BenchOptions, events: number, withBaselines: boolean) {
  const { mariadbUrl, kafka, say } = options;
  await using pipeline = await createPipeline({ mariadbUrl, kafka, raw: false });
  await runStage(pipeline, 'tail', ...untilArgs(startMs - dayMs));
  say(`writing a history of ${events} events, and the feed from it`);
  await fillHistory(pipeline, events);
  await runStage(pipeline, 'tail', ...untilArgs(startMs + (days - 1) * dayMs));
  const env = {
    USAGESTREAM_SINK: mariadbUrl,
    USAGESTREAM_LOG: `kafka://${kafka}`,
    USAGESTREAM_BENCH_KAFKA: kafka,
    USAGESTREAM_BENCH_SINK: mariadbUrl,
  };
  const { prefix, schema, cloudUsageSchema } = pipeline.names;
  const args = (name: string) => [
    ...['rebuild', name, '--schema', schema, '--prefix', prefix, '--range', '1440'],
    ...['--preset', 'java-4.23', '--log-level', 'warn'],
  ];
  const results: BenchResult[] = [];
  const add = (what: string, baseline: boolean, units: number, m: Measured) =>
    results.push({
      ...{ bench: 'rebuild', what, units, unit: 'events + rows', baseline },
      ...{ wallMs: m.wallMs, cpuMs: m.cpuMs, peakMb: m.peakMb },
    });
  if (withBaselines) {
    say('plain consumer');
    add(
      'plain consumer',
      true,
      events,
      await measure(work('consume'), [`${prefix}.usage-feed`], env),
    );
  }
  say('rebuild');
  const m = await measure(main, args('one'), env);
  const { rows, digest } = await recordDigest(pipeline.pool, schema, 'one');
  const units = events + rows;
  add(`rebuild of ${events} events (${rows} rows)`, false, units, m);
  if (!withBaselines) return { events, units, m, results };
  say('plain upserts of the rows');
  const upserts = await measure(work('upsert'), [schema, cloudUsageSchema], env);
  const own = JSON.parse(upserts.output) as { wallMs: number; cpuMs: number };
  add('plain upserts', true, rows, { ...upserts, ...own });
  say('the same with three SIGKILLs');
  const kills = await killed(pipeline, args('killed'), env, rows);
  const again = await recordDigest(pipeline.pool, schema, 'killed');
  if (again.rows !== rows || again.digest !== digest)
    throw new Error(`after ${kills} kills the rows are others: ${again.rows} instead of ${rows}`);
  say(`${kills} kills: the same ${rows} rows`);
  return { events, units, m, results };
}

/** Kills the rebuild whenever it has made another quarter of the rows; then lets it end. */
async function killed(
  pipeline: Pipeline,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  rows: number,
): Promise<number> {
  const count = async () => {
    const [found] = await pipeline.pool.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS n FROM ${quoteName(pipeline.names.schema, 'record')} r
       JOIN ${quoteName(pipeline.names.schema, 'generation')} g ON g.id = r.generation
       WHERE g.name = 'killed'`,
    );
    return Number(found[0]?.['n']);
  };
  let kills = 0;
  for (;;) {
    const child = spawn(process.execPath, [...nodeFlags, main, ...args], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    const exited = once(child, 'exit') as Promise<[number | null]>;
    let isOver = false;
    void exited.then(() => (isOver = true));
    while (kills < 3 && !isOver) {
      if ((await count()) >= (rows * (kills + 1)) / 4) {
        child.kill('SIGKILL');
        kills += 1;
        break;
      }
      await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    const [code] = await exited;
    if (code === 0) return kills;
    if (code !== null) throw new Error(`rebuild ended with ${code}`);
  }
}

async function fillHistory(pipeline: Pipeline, events: number): Promise<void> {
  const { target, names } = pipeline;
  // So few machines, each so busy, that three months make less than one row an event.
  const accounts = Math.max(10, Math.round(events / 3300));
  const vms = Math.max(1, Math.round(events / 9500));
  await play(plan({ seed: 1, startMs, days, zones: 2, accounts, vms, eventsTarget: events }), {
    ...{ target, cloudSchema: names.cloudSchema, pace: 'history' },
    signal: new AbortController().signal,
  });
}
