import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline, Stage } from '../../src/cli/demo/pipeline.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import type { StageProcess } from '../../src/cli/demo/stage-process.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { LivingCloud, rangeMinutes } from '../chaos/living-cloud.ts';
import { testSeed } from '../support/seeded.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

const hourMs = 3_600_000;

/** Where each is in the middle of what others would wait for: one process after another freezes there. */
const within: readonly (readonly [Stage, readonly (readonly [CrashPoint, nth: number])[]])[] = [
  ['tail', [['tail.after-produce-before-commit', 4]]],
  [
    'aggregate',
    [
      ['aggregate.before-commit', 3],
      ['aggregate.claimed', 1],
    ],
  ],
  [
    'sink',
    [
      ['sink.before-publish-commit', 1],
      ['sink.lease-before-fence', 1],
      ['sink.job-before-commit', 1],
    ],
  ],
];

test(
  'frozen inside an open transaction, nobody holds up a successor or writes when it wakes',
  { timeout: 120_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const { seed } = testSeed(20_260_503);
    const kafka = kafkaBrokers.join(',');
    await using pipeline = await createPipeline({
      mariadbUrl,
      kafka,
      partitions: 2,
      rangeMinutes,
      sessionTimeout: '1500ms',
    });
    const { target, names } = pipeline;
    const cloud = new LivingCloud({ target, ...names, seed: seed % 1000 });
    await cloud.live(12 * hourMs);
    const frozen: StageProcess[] = [];
    try {
      const address = { USAGESTREAM_SOURCE: mariadbUrl, USAGESTREAM_SINK: mariadbUrl };
      const env = { ...address, USAGESTREAM_LOG: `kafka://${kafka}` };
      await freezeAll(pipeline, cloud, env, frozen);
      // All of them are stopped, with their locks and their transaction. Others take over and get to the end.
      const untilMs = await cloud.finishHour();
      const commands = within.map(([stage]) => [stage, ...untilArgs(untilMs)] as const);
      await runStages(pipeline, commands);
      const before = await published(pipeline);
      expect(await cloud.recount(untilMs), `seed ${seed}`).toMatchObject(exact);

      for (const one of frozen) one.kill('SIGCONT');
      // They find out that they were replaced, and go on as anybody else: nobody but them is there now.
      await cloud.live(2 * hourMs);
      const nextMs = await cloud.finishHour();
      while ((await published(pipeline)) === before) {
        for (const one of frozen) expect(one.ended(), one.tail()).toBeUndefined();
        await sleep(100);
      }
      for (const one of frozen) expect(one.ended(), one.tail()).toBeUndefined();
      for (const one of frozen) one.kill('SIGKILL');
      const rest = within.map(([stage]) => [stage, ...untilArgs(nextMs)] as const);
      await runStages(pipeline, rest);
      expect(await cloud.recount(nextMs), `seed ${seed}`).toMatchObject(exact);
    } finally {
      for (const one of frozen) one.kill('SIGKILL');
      await Promise.all(frozen.map((one) => one.exited));
    }
  },
);

const exact = { missing: 0, surplus: 0, different: 0, duplicates: 0, examples: [] };

/** Lets the cloud live until all have stopped themselves; then their stages go on without them. */
async function freezeAll(
  pipeline: Pipeline,
  cloud: LivingCloud,
  env: Readonly<Record<string, string>>,
  frozen: StageProcess[],
): Promise<void> {
  const helpers: StageProcess[] = [];
  const chains = within.map(async ([stage, points]) => {
    for (const [at, nth] of points) {
      const crashAt = { USAGESTREAM_CRASH_AT: `${at}:${nth}:stop` };
      const one = startStage(`${stage} at ${at}`, pipeline.args(stage), { ...env, ...crashAt });
      frozen.push(one);
      while (!isStopped(one)) await sleep(50);
    }
    helpers.push(pipeline.start(stage));
  });
  try {
    await cloud.liveDuring(Promise.all(chains), { simulatedMs: hourMs / 4, everyMs: 200 });
  } finally {
    for (const one of helpers) one.kill('SIGKILL');
    await Promise.all(helpers.map((one) => one.exited));
  }
}

/** The state of a process as the kernel has it: T is stopped by a signal. */
function isStopped(one: StageProcess): boolean {
  if (one.ended() !== undefined) throw new Error(`${one.name} ended:\n${one.tail()}`);
  return readFileSync(`/proc/${one.pid}/stat`, 'utf8').replace(/^.*\)/, '').startsWith(' T ');
}

async function published({ pool, names }: Pipeline): Promise<number> {
  const [rows] = await pool.query(
    `SELECT COUNT(*) AS n FROM ${names.cloudUsageSchema}.cloud_usage`,
  );
  return Number((rows as { n: string }[])[0]?.n);
}
