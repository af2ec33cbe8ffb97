import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { openArena } from '../chaos/arena.ts';
import { LivingCloud, rangeMinutes } from '../chaos/living-cloud.ts';
import { whenPublished } from '../chaos/when-published.ts';
import { canStartServers } from '../support/servers.ts';
import { testSeed } from '../support/seeded.ts';

const hourMs = 3_600_000;
const exact = { missing: 0, surplus: 0, different: 0, duplicates: 0 };

// Together, so that the time limits of one run while those of the others do; apart, so that none heals another.
const rounds = [
  ['tail-source', 'aggregate-store', 'sink-store'],
  ['tail-log', 'aggregate-log', 'sink-log'],
] as const;

test.skipIf(!canStartServers())(
  'when any link of a stage dies for good without a word, it goes on by itself over new connections',
  { timeout: 180_000 },
  async () => {
    await using arena = await openArena();
    const { seed } = testSeed(20_260_504);
    await using pipeline = await createPipeline({
      mariadbUrl: arena.database.url,
      kafka: arena.kafka,
      partitions: 2,
      rangeMinutes,
      sessionTimeout: '2s',
      answerTimeout: '4s',
    });
    const { target, names, pool } = pipeline;
    const cloud = new LivingCloud({ target, ...names, seed: seed % 1000 });
    const stages = (['tail', 'aggregate', 'sink'] as const).map((stage) =>
      startStage(stage, pipeline.args(stage), arena.env(stage)),
    );
    let untilMs = 0;
    // The cloud lives on meanwhile: its commits are what watermarks come from.
    const published = async () => {
      untilMs = await cloud.finishHour();
      const pace = { simulatedMs: hourMs / 4, everyMs: 200 };
      await cloud.liveDuring(whenPublished(pipeline, untilMs, stages), pace);
    };
    const waiting = async () => {
      const [[row]] = await pool.query<RowDataPacket[]>(
        `SELECT COUNT(*) AS n FROM ${names.schema}.outbox`,
      );
      return Number(row?.['n']);
    };
    try {
      await cloud.live(3 * hourMs);
      await published();
      for (const links of rounds) {
        for (const link of links) arena.proxies.get(link)!.strand();
        await published();
        await expect.poll(waiting, { timeout: 60_000 }).toBe(0);
      }
      for (const one of stages) one.kill('SIGTERM');
      expect(await Promise.all(stages.map((one) => one.exited))).toEqual([0, 0, 0]);
    } finally {
      for (const one of stages) one.kill('SIGKILL');
    }
    expect(await cloud.recount(untilMs), `seed ${seed}`).toMatchObject(exact);
  },
);
