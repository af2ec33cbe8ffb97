import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { playSlowly } from '../../src/cli/demo/play-slowly.ts';
import { demoEndMs, demoScenario, demoStatements } from '../../src/cli/demo/scenario.ts';
import { openConnection, quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { recount } from '../../src/simulate/recount.ts';
import { startHerd } from '../support/herd.ts';
import type { Herd } from '../support/herd.ts';
import { recordDigest } from '../support/record-digest.ts';
import { testSeed } from '../support/seeded.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

const kills = 30;
const sessionMs = 2000;

test(
  `the demo's cloud with ${kills} SIGKILLs, two tailers and a frozen worker: every row once, and again from offset 0`,
  { timeout: 300_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const { seed, random } = testSeed(20_260_502);
    await using pipeline = await createPipeline({
      mariadbUrl,
      kafka: kafkaBrokers.join(','),
      sessionTimeout: `${sessionMs}ms`,
    });
    {
      // Two of each, started at once: who leads, and who has which partition, is theirs to settle.
      await using herd = startHerd(pipeline, [
        'tail',
        'tail',
        'aggregate',
        'aggregate',
        'sink',
        'sink',
      ]);
      const played = playSlowly(demoStatements(seed % 1000), {
        target: pipeline.target,
        cloudSchema: pipeline.names.cloudSchema,
        startMs: demoScenario.startMs,
        endMs: demoEndMs,
        seconds: 40,
        signal: new AbortController().signal,
      });
      await Promise.all([
        played,
        attack(
          pipeline,
          herd,
          () => random.whole(0, 5),
          () => random.whole(0, 1500),
        ),
      ]);
      expect(herd.kills, `seed ${seed}`).toBeGreaterThanOrEqual(kills);
      herd.assertAlive();
    }
    const until = untilArgs(demoScenario.untilMs);
    await runStages(pipeline, [
      ['tail', ...until],
      ['aggregate', ...until],
      ['sink', ...until],
    ]);
    expect(await recounted(pipeline), `seed ${seed}`).toMatchObject({
      missing: 0,
      surplus: 0,
      different: 0,
      duplicates: 0,
      examples: [],
    });

    // The feed alone makes the same rows again, from its first record.
    await runStages(pipeline, [['aggregate', '--generation', 'again', ...until]]);
    const { schema } = pipeline.names;
    const live = await recordDigest(pipeline.pool, schema, 'main');
    expect(live.rows).toBeGreaterThan(1000);
    expect(await recordDigest(pipeline.pool, schema, 'again'), `seed ${seed}`).toEqual(live);
  },
);

async function attack(
  pipeline: Pipeline,
  herd: Herd,
  victim: () => number,
  pauseMs: () => number,
): Promise<void> {
  while (herd.kills < kills) {
    await new Promise((resolve) => setTimeout(resolve, 300 + pauseMs()));
    if (herd.kills === 10) await freezeOwner(pipeline, herd);
    await herd.kill(victim());
  }
}

/** Stops a worker that has partitions until another has them all: it wakes and does not know. */
async function freezeOwner(pipeline: Pipeline, herd: Herd): Promise<void> {
  const owned = async (pid: number) => {
    const [rows] = await pipeline.pool.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS n FROM ${quoteName(pipeline.names.schema, 'progress')} WHERE owner LIKE ?`,
      [`%/${pid}#%`],
    );
    return Number(rows[0]?.['n']);
  };
  const pids = herd.pids('aggregate');
  let frozen: number | undefined;
  while (frozen === undefined) {
    for (const pid of pids) if ((await owned(pid)) > 0) frozen = pid;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  process.kill(frozen, 'SIGSTOP');
  while ((await owned(frozen)) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  process.kill(frozen, 'SIGCONT');
}

async function recounted(pipeline: Pipeline) {
  const connection = await openConnection(pipeline.target, 'STORE');
  try {
    return await recount(connection, {
      cloudSchema: pipeline.names.cloudSchema,
      cloudUsageSchema: pipeline.names.cloudUsageSchema,
      fromMs: demoScenario.startMs,
      untilMs: demoScenario.untilMs,
      rangeMinutes: demoScenario.rangeMinutes,
    });
  } finally {
    await connection.end();
  }
}
