import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Option } from 'commander';
import { AppError } from '../../platform/errors.ts';
import { pause } from '../../platform/lifecycle.ts';
import { openConnection } from '../../platform/mysql.ts';
import { recount } from '../../simulate/recount.ts';
import { defineCommand } from '../command.ts';
import { createLiveTable } from '../demo/live-table.ts';
import { takeLook } from '../demo/look.ts';
import { createPipeline } from '../demo/pipeline.ts';
import type { Pipeline } from '../demo/pipeline.ts';
import { playSlowly } from '../demo/play-slowly.ts';
import { demoEndMs, demoScenario, demoStatements } from '../demo/scenario.ts';
import { stopAll } from '../demo/stage-process.ts';
import type { StageProcess } from '../demo/stage-process.ts';
import { storyOfOneRow } from '../demo/story.ts';
import { isExact, summaryLines } from '../demo/summary.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);

export const demoCommand = defineCommand({
  name: 'demo',
  what: 'three simulated days of a small cloud through the whole pipeline, with a worker killed on the way',
  example:
    'npm run demo            # brings its own servers\nnpm run demo -- --keep  # leaves everything running\nnpm run demo -- --log embedded  # without Kafka',
  takes: [],
  options: [
    new Option('--log <kind>', 'where the topics are: in Kafka, or in one file without it')
      .choices(['kafka', 'embedded'])
      .default('kafka'),
    new Option('--keep', 'leave servers, schemas and topics, and say how to look around'),
    new Option('--seed <n>', 'another cloud (default: 1)'),
    new Option('--seconds <n>', 'real time that the three days take (default: 20)'),
  ],
  run: async (_values, own, context) => {
    const mariadbUrl = context.env['USAGESTREAM_MARIADB_URL'];
    using folder = own['log'] === 'embedded' ? demoFolder(own['keep'] === true) : null;
    const log = folder === null ? undefined : `embedded:${join(folder.path, 'log')}`;
    const kafka = context.env['USAGESTREAM_KAFKA'] ?? '';
    if (!mariadbUrl || (log === undefined && kafka === ''))
      throw new AppError('CONFIG_INVALID', {
        problems: [
          'USAGESTREAM_MARIADB_URL and USAGESTREAM_KAFKA are not set: start it with `npm run demo`, which brings the servers',
        ],
      });
    const keep = own['keep'] === true;
    await using pipeline = await createPipeline({
      ...{ mariadbUrl, kafka, keep, sessionTimeout: '6s' },
      ...(log === undefined ? {} : { log }),
    });
    const exact = await show(pipeline, {
      seed: Number(own['seed'] ?? 1),
      seconds: Number(own['seconds'] ?? 20),
      signal: context.signal,
    });
    const isOurs = context.env['USAGESTREAM_THROWAWAY'] === '1';
    const shown = isOurs ? mariadbUrl : withoutPassword(mariadbUrl);
    if (keep) sayHowToLookAround(pipeline, shown, log ?? `kafka://${kafka}`);
    return exact ? 0 : 1;
  },
});

/** Plays, kills, waits, counts. Returns whether the rows are exactly what the events say. */
async function show(
  pipeline: Pipeline,
  options: { seed: number; seconds: number; signal: AbortSignal },
): Promise<boolean> {
  const running = new Map<string, StageProcess>();
  const start = (name: string, ...args: Parameters<Pipeline['start']>) => {
    const stage = pipeline.start(...args);
    running.set(name, stage);
    return stage;
  };
  try {
    const until = ['--until', new Date(demoScenario.untilMs).toISOString()];
    say(
      `usagestream demo: ${demoScenario.vms} VMs, ${demoScenario.accounts} accounts, ${demoScenario.zones} zones, 3 days in about ${options.seconds} s`,
    );
    say('starting tail, two aggregate workers and sink, each a process of its own');
    start('tail', 'tail');
    start('worker 1', 'aggregate', until);
    start('worker 2', 'aggregate', until);
    const sink = start('sink', 'sink', until);
    const table = createLiveTable(process.stdout);
    let note = 'playing';
    const played = playSlowly(demoStatements(options.seed), {
      target: pipeline.target,
      cloudSchema: pipeline.names.cloudSchema,
      startMs: demoScenario.startMs,
      endMs: demoEndMs,
      seconds: options.seconds,
      signal: options.signal,
    }).then((events) => {
      note = `all ${events} events are inserted; waiting for the last window`;
      return events;
    });
    let done: number | NodeJS.Signals | undefined;
    void sink.exited.then((code) => (done = code));
    let killed = false;
    while (done === undefined && !options.signal.aborted) {
      const look = await takeLook(pipeline.pool, pipeline.log, pipeline.names);
      table.draw(look, note);
      if (!killed && look.windows >= 1) {
        killed = true;
        const victim = running.get('worker 1');
        victim?.kill('SIGKILL');
        table.release();
        say(`\n  SIGKILL to worker 1 (pid ${victim?.pid}); worker 2 takes over, a new one joins\n`);
        start('worker 3', 'aggregate', until);
      }
      assertAlive(running, killed);
      await pause(500, options.signal);
    }
    if (options.signal.aborted) return false;
    await played;
    table.draw(await takeLook(pipeline.pool, pipeline.log, pipeline.names), 'done');
    if (done !== 0) throw new Error(`sink ended with ${String(done)}:\n${sink.tail()}`);
    return await count(pipeline);
  } finally {
    await stopAll([...running.values()]);
  }
}

async function count(pipeline: Pipeline): Promise<boolean> {
  const connection = await openConnection(pipeline.target, 'STORE');
  try {
    const result = await recount(connection, {
      cloudSchema: pipeline.names.cloudSchema,
      cloudUsageSchema: pipeline.names.cloudUsageSchema,
      fromMs: demoScenario.startMs,
      untilMs: demoScenario.untilMs,
      rangeMinutes: demoScenario.rangeMinutes,
    });
    summaryLines(result).forEach(say);
    say('\nthe story of one row');
    (await storyOfOneRow(pipeline.pool, pipeline.names)).forEach((line) => say(`  ${line}`));
    const exact = isExact(result);
    say(exact ? '\nevery row is there, once' : '\nTHE ROWS DO NOT EQUAL THE EVENTS');
    return exact;
  } finally {
    await connection.end();
  }
}

function assertAlive(running: ReadonlyMap<string, StageProcess>, killed: boolean): void {
  for (const [name, stage] of running) {
    const end = stage.ended();
    if (end === undefined || end === 0 || (killed && name === 'worker 1')) continue;
    throw new Error(`${name} ended with ${String(end)}:\n${stage.tail()}`);
  }
}

/** @param mariadbUrl With a password only when the server is a throw-away one. */
function sayHowToLookAround(pipeline: Pipeline, mariadbUrl: string, log: string): void {
  const { names } = pipeline;
  say(`
left for you to look around
  MariaDB   ${mariadbUrl}
            ${names.cloudSchema} (input), ${names.cloudUsageSchema}.cloud_usage (rows), ${names.schema} (state)
  log       ${log}, topics ${names.prefix}.*
  go on     export USAGESTREAM_SOURCE='${mariadbUrl}' USAGESTREAM_SINK='${mariadbUrl}' USAGESTREAM_LOG=${log}
            npm run usagestream -- ${pipeline.args('tail').join(' ')}
  status    npm run usagestream -- status --prefix ${names.prefix} --schema ${names.schema}`);
}

function demoFolder(keep: boolean): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'usagestream-demo-'));
  return {
    path,
    [Symbol.dispose]: () => {
      if (!keep) rmSync(path, { recursive: true, force: true });
    },
  };
}

function withoutPassword(address: string): string {
  const url = new URL(address);
  url.password = '';
  return url.href;
}
