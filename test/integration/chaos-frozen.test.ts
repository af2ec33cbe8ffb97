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

/** Where each is in the middle of a transaction that others would wait for. */
const within: readonly (readonly [Stage, CrashPoint, nth: number])[] = [
  ['tail', 'tail.after-produce-before-commit', 4],
  ['aggregate', 'aggregate.before-commit', 3],
  ['sink', 'sink.before-publish-commit', 1],
];

test(
  'frozen inside an open transaction, nobody holds up a successor or writes when it wakes',
  { timeout: 120_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const { seed } = testSeed();
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
      for (const [stage, at, nth] of within) {
        const env = environment(mariadbUrl, kafka, `${at}:${nth}:stop`);
        frozen.push(startStage(stage, pipeline.args(stage), env));
      }
      await freeze(pipeline, cloud, frozen);
      // All three are stopped, with their locks and their transaction. Others take over and get to the end.
      const untilMs = await cloud.finishHour();
      const commands = within.map(([stage]) => [stage, ...untilArgs(untilMs)] as const);
      await runStages(pipeline, commands);
      const before = await published(pipeline);
      expect(await cloud.recount(untilMs), `seed ${seed}`).toMatchObject(exact);

      for (const one of frozen) one.kill('SIGCONT');
      // They find out that they were replaced, and stand by or work for what comes.
      const nextMs = (await cloud.live(2 * hourMs), await cloud.finishHour());
      await runStages(
        pipeline,
        within.map(([stage]) => [stage, ...untilArgs(nextMs)] as const),
      );
      for (const one of frozen) expect(one.ended(), one.tail()).toBeUndefined();
      expect(await cloud.recount(nextMs), `seed ${seed}`).toMatchObject(exact);
      expect(await published(pipeline)).toBeGreaterThan(before);
    } finally {
      for (const one of frozen) one.kill('SIGKILL');
      await Promise.all(frozen.map((one) => one.exited));
    }
  },
);

const exact = { missing: 0, surplus: 0, different: 0, duplicates: 0, examples: [] };

const environment = (mariadbUrl: string, kafka: string, crashAt: string) => ({
  USAGESTREAM_SOURCE: mariadbUrl,
  USAGESTREAM_SINK: mariadbUrl,
  USAGESTREAM_LOG: `kafka://${kafka}`,
  USAGESTREAM_CRASH_AT: crashAt,
});

/** Lets the cloud live until all have stopped themselves; a stage whose work another needs is helped along. */
async function freeze(pipeline: Pipeline, cloud: LivingCloud, processes: readonly StageProcess[]) {
  const helpers: StageProcess[] = [];
  try {
    const helped = new Set<string>();
    while (!processes.every(isStopped)) {
      for (const one of processes) {
        if (one.ended() !== undefined) throw new Error(`${one.name} ended:\n${one.tail()}`);
        if (!isStopped(one) || helped.has(one.name)) continue;
        helped.add(one.name);
        helpers.push(pipeline.start(one.name as Stage));
      }
      await cloud.live(hourMs / 4);
      await sleep(200);
    }
  } finally {
    for (const one of helpers) one.kill('SIGKILL');
    await Promise.all(helpers.map((one) => one.exited));
  }
}

/** The state of a process as the kernel has it: T is stopped by a signal. */
const isStopped = ({ pid }: StageProcess): boolean =>
  / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ''));

async function published({ pool, names }: Pipeline): Promise<number> {
  const [rows] = await pool.query(
    `SELECT COUNT(*) AS n FROM ${names.cloudUsageSchema}.cloud_usage`,
  );
  return Number((rows as { n: string }[])[0]?.n);
}
