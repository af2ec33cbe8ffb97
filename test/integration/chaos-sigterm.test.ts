import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { StageProcess } from '../../src/cli/demo/stage-process.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { changeEvents, usageFeed, usageRecords } from '../../streams/index.ts';
import { LivingCloud, rangeMinutes } from '../chaos/living-cloud.ts';
import { hasConnected } from '../support/has-connected.ts';
import { readAll } from '../support/read-log.ts';
import { testSeed } from '../support/seeded.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

const hourMs = 3_600_000;
const rounds = 3;

test(
  'stopped by SIGTERM at work, each stage ends with code 0, and the next start writes nothing again',
  { timeout: 120_000 },
  async () => {
    const { mariadbUrl, kafkaBrokers } = servers();
    const { seed, random } = testSeed(20_260_505);
    const kafka = kafkaBrokers.join(',');
    const options = { partitions: 2, rangeMinutes, sessionTimeout: '1500ms' };
    await using pipeline = await createPipeline({ mariadbUrl, kafka, ...options });
    const cloud = new LivingCloud({ target: pipeline.target, ...pipeline.names, seed });
    await cloud.live(3 * hourMs);
    const stopping = (async () => {
      for (let round = 0; round < rounds; round++) {
        const running = (['tail', 'aggregate', 'sink'] as const).map((stage) =>
          pipeline.start(stage),
        );
        // A sink may publish what the last round left before the others have loaded their code.
        while (!running.every(({ pid }) => hasConnected(pid))) await stillRun(running);
        const before = await published(pipeline);
        while ((await published(pipeline)) === before) await stillRun(running);
        await sleep(random.whole(0, 500));
        for (const one of running) one.kill('SIGTERM');
        for (const one of running) expect(await one.exited, one.tail()).toBe(0);
      }
    })();
    await cloud.liveDuring(stopping, { simulatedMs: hourMs / 4, everyMs: 150 });
    const untilMs = await cloud.finishHour();
    const until = untilArgs(untilMs);
    await runStages(pipeline, [
      ['tail', ...until],
      ['aggregate', ...until],
      ['sink', ...until],
    ]);
    expect(await cloud.recount(untilMs)).toMatchObject({
      ...{ missing: 0, surplus: 0, different: 0, duplicates: 0 },
      examples: [],
    });
    const { prefix, cloudSchema } = pipeline.names;
    const raw = await keysOf(pipeline, changeEvents(cloudSchema, 'usage_event').topic(prefix));
    expect(raw).toHaveLength(cloud.events);
    expect(new Set(raw).size).toBe(raw.length);
    const events = (await valuesOf(pipeline, usageFeed.topic(prefix))).flatMap((text) => {
      const { event } = JSON.parse(text) as { event?: { id: string } };
      return event ? [event.id] : [];
    });
    expect(events).toHaveLength(cloud.events);
    expect(new Set(events).size).toBe(events.length);
    const records = await keysOf(pipeline, usageRecords.topic(prefix));
    expect(records.length).toBeGreaterThan(100);
    expect(new Set(records).size).toBe(records.length);
  },
);

async function stillRun(running: readonly StageProcess[]): Promise<void> {
  for (const one of running) expect(one.ended(), one.tail()).toBeUndefined();
  await sleep(50);
}

async function published({ pool, names }: Pipeline): Promise<number> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS n FROM ${quoteName(names.schema, 'published_window')}`,
  );
  return Number(rows[0]?.['n']);
}

async function recordsOf({ log }: Pipeline, topic: string) {
  const all = (await log.offsets(topic)).map(({ partition }) => readAll(log, topic, partition));
  return (await Promise.all(all)).flat();
}

const keysOf = async (pipeline: Pipeline, topic: string): Promise<string[]> =>
  (await recordsOf(pipeline, topic)).map(({ key }) => String(key));

const valuesOf = async (pipeline: Pipeline, topic: string): Promise<string[]> =>
  (await recordsOf(pipeline, topic)).map(({ value }) => String(value));
