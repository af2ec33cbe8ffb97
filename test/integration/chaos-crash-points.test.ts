import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Stage } from '../../src/cli/demo/pipeline.ts';
import { startStage, stopAll } from '../../src/cli/demo/stage-process.ts';
import type { StageProcess } from '../../src/cli/demo/stage-process.ts';
import { crashPoints } from '../../src/platform/crash-points.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../src/platform/mysql.ts';
import { crashAtEach } from '../chaos/crash-chain.ts';
import type { PlannedCrash } from '../chaos/crash-chain.ts';
import { LivingCloud, rangeMinutes } from '../chaos/living-cloud.ts';
import { recordDigest } from '../support/record-digest.ts';
import { testSeed } from '../support/seeded.ts';
import { randomSuffix, servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

const hourMs = 3_600_000;

test(
  'killed at every named point and started again, each stage leaves every row once',
  { timeout: 300_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const { seed } = testSeed(20_260_504);
    const kafka = kafkaBrokers.join(',');
    await using pipeline = await createPipeline({
      mariadbUrl,
      kafka,
      partitions: 2,
      rangeMinutes,
      sessionTimeout: '1500ms',
    });
    const { names, target } = pipeline;
    const cloud = new LivingCloud({ target, ...names, seed: seed % 1000 });
    const env = {
      USAGESTREAM_SOURCE: mariadbUrl,
      USAGESTREAM_SINK: mariadbUrl,
      USAGESTREAM_LOG: `kafka://${kafka}`,
    };
    // What the first snapshot finds.
    await cloud.live(6 * hourMs);
    const survivors: StageProcess[] = [];
    const chain = async (stage: Stage, crashes: readonly PlannedCrash[]) => {
      const hit = await crashAtEach(pipeline, env, stage, crashes);
      // The others need its work.
      survivors.push(pipeline.start(stage));
      return hit;
    };
    const chains = Promise.all([
      chain('tail', tailCrashes(cloud)),
      chain('aggregate', aggregateCrashes),
      chain('sink', sinkCrashes(cloud)),
    ]);
    try {
      await cloud.liveDuring(chains, { simulatedMs: hourMs / 4, everyMs: 250 });
    } finally {
      await stopAll(survivors);
    }

    const untilMs = await cloud.finishHour();
    const until = untilArgs(untilMs);
    const ends = await Promise.all([
      crashAtEach(pipeline, env, 'tail', [{ at: 'tail.before-end', args: until }]).then(
        async (hit) => (await runStages(pipeline, [['tail', ...until]]), hit),
      ),
      runStages(pipeline, [['aggregate', ...until]]).then(() => []),
      crashAtEach(pipeline, env, 'sink', [{ at: 'sink.before-lease-release', args: until }]),
    ]);
    await runStages(pipeline, [['sink', ...until]]);

    const hit = [...(await chains), ...ends].flat();
    const ofStages = crashPoints.filter((point) => /^(tail|aggregate|sink|migrate)\./.test(point));
    expect([...migrationPoints, ...hit].toSorted()).toEqual(ofStages.toSorted());
    const result = await cloud.recount(untilMs);
    expect(result, `seed ${seed}`).toMatchObject({
      missing: 0,
      surplus: 0,
      different: 0,
      duplicates: 0,
      examples: [],
    });
    expect(result.rows).toBeGreaterThan(1000);
    // What the recount does not count: the same again from the feed alone, by a worker that nobody killed.
    await runStages(pipeline, [['aggregate', '--generation', 'again', ...until]]);
    expect(await recordDigest(pipeline.pool, names.schema, 'again')).toEqual(
      await recordDigest(pipeline.pool, names.schema, 'main'),
    );
  },
);

const tailCrashes = (cloud: LivingCloud): PlannedCrash[] => [
  { at: 'tail.topics-made' },
  { at: 'tail.writer-opened' },
  { at: 'tail.leader-noted' },
  { at: 'tail.snapshot-begun' },
  { at: 'tail.placement-before-commit' },
  { at: 'tail.snapshot-before-chunk-commit' },
  { at: 'tail.snapshot-after-chunk-commit' },
  { at: 'tail.snapshot-done' },
  { at: 'tail.before-position', nth: 3 },
  { at: 'tail.part-written', nth: 2, before: () => cloud.commitLargeTransaction(12_000) },
  { at: 'tail.after-produce-before-commit', nth: 4 },
  { at: 'tail.after-commit', nth: 5 },
];

const aggregateCrashes: readonly PlannedCrash[] = [
  { at: 'aggregate.generation-made' },
  { at: 'aggregate.partitions-entered' },
  { at: 'aggregate.claimed', nth: 2 },
  { at: 'aggregate.after-fence', nth: 2 },
  { at: 'aggregate.events-written', nth: 3 },
  { at: 'aggregate.window-folded', nth: 2 },
  { at: 'aggregate.before-commit', nth: 2 },
  { at: 'aggregate.after-db-commit-before-offset-commit', nth: 2 },
];

const sinkCrashes = (cloud: LivingCloud): PlannedCrash[] => [
  { at: 'sink.lease-before-fence' },
  { at: 'sink.lease-taken' },
  { at: 'sink.job-before-commit' },
  { at: 'sink.after-fence' },
  { at: 'sink.rows-copied' },
  { at: 'sink.helpers-written' },
  { at: 'sink.before-publish-commit', nth: 2 },
  { at: 'sink.after-commit-before-outbox' },
  { at: 'sink.outbox-before-send-commit' },
  { at: 'sink.outbox-after-send-before-mark' },
  { at: 'sink.outbox-after-mark', nth: 2 },
  { at: 'sink.corrections-before-send-commit', before: () => cloud.haveTrouble() },
  { at: 'sink.dead-letters-after-send-before-mark', before: () => cloud.haveTrouble() },
];

const migrationPoints: readonly CrashPoint[] = [
  'migrate.before-statement',
  'migrate.before-version',
];

test(
  'a migration killed before any of its kinds of step goes on and makes the same schema',
  { timeout: 60_000 },
  async () => {
    const { mariadbUrl } = servers();
    await using pipeline = await createPipeline({
      mariadbUrl,
      kafka: servers().kafkaBrokers.join(','),
    });
    const schema = `us_${randomSuffix()}_migrated`;
    const { pool, names } = pipeline;
    try {
      const migrate = (crashAt?: string) =>
        startStage('migrate', ['migrate', '--schema', schema, '--log-level', 'warn'], {
          USAGESTREAM_SINK: mariadbUrl,
          ...(crashAt === undefined ? {} : { USAGESTREAM_CRASH_AT: crashAt }),
        }).exited;
      for (const nth of [1, 2, 9])
        expect(await migrate(`migrate.before-statement:${nth}`)).toBe('SIGKILL');
      for (const nth of [1, 2])
        expect(await migrate(`migrate.before-version:${nth}`)).toBe('SIGKILL');
      expect(await migrate()).toBe(0);
      expect(await columnsOf(pool, schema)).toEqual(await columnsOf(pool, names.schema));
    } finally {
      await pool.query(`DROP DATABASE IF EXISTS ${quoteName(schema)}`);
    }
  },
);

async function columnsOf(pool: Pool, schema: string): Promise<string[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT CONCAT_WS(' ', table_name, column_name, column_type, column_key) AS name
     FROM information_schema.columns WHERE table_schema = ? ORDER BY table_name, ordinal_position`,
    [schema],
  );
  return rows.map((row) => String(row['name']));
}
