import { setTimeout as sleep } from 'node:timers/promises';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline, Stage } from '../../src/cli/demo/pipeline.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { usageFeed } from '../../streams/index.ts';
import type { Arena } from './arena.ts';
import { LivingCloud, rangeMinutes } from './living-cloud.ts';
import { memoryLines, watchMemory } from './memory.ts';
import type { Memory } from './memory.ts';
import { whenPublished } from './when-published.ts';

export interface SlowField {
  readonly pipeline: Pipeline;
  readonly cloud: LivingCloud;
  readonly env: (stage: Stage) => Readonly<Record<string, string>>;
  /** Makes what the stages write to slow; false: quick again. */
  readonly slow: (isSlow: boolean) => void;
  readonly seconds: number;
  /** What the cloud lives meanwhile, at an even pace. */
  readonly hours: number;
  readonly say?: (text: string) => void;
}

export interface SlowSink {
  readonly processes: readonly Readonly<Memory>[];
  /** Records of the feed that no worker had stored, and windows not published, when the store was quick again. */
  readonly behind: { readonly records: number; readonly windows: number };
  readonly caughtUpMs: number;
  readonly compared: number;
  readonly lost: number;
  readonly doubled: number;
  readonly wrong: number;
}

const hourMs = 3_600_000;
/** What a process may grow by while it waits: batches in hand and what the collector has left. */
const spareMb = 128;

/** A store that is slow for a while under load: memory meanwhile, how far behind all is then, and the way back. */
export async function slowSink(field: SlowField): Promise<SlowSink> {
  const { pipeline, cloud, env, slow, seconds, hours, say = () => {} } = field;
  await cloud.live(3 * hourMs);
  const stages = (['tail', 'aggregate', 'sink'] as const).map((stage) =>
    startStage(stage, pipeline.args(stage), env(stage)),
  );
  try {
    await whenPublished(pipeline, await hourThatCloses(cloud), stages);
    const memory = watchMemory(stages);
    slow(true);
    const startMs = cloud.atMs;
    const everyMs = 250;
    const steps = Math.ceil((seconds * 1000) / everyMs);
    for (let step = 1; step <= steps; step++) {
      const nextMs = startMs + Math.round((hours * hourMs * step) / steps);
      await Promise.all([cloud.live(nextMs - cloud.atMs), sleep(everyMs)]);
      memory.look();
    }
    const behind = await howFarBehind(pipeline, cloud);
    say(`behind by ${behind.records} records and ${behind.windows} windows`);
    slow(false);
    const quickMs = performance.now();
    const untilMs = await hourThatCloses(cloud);
    await whenPublished(pipeline, untilMs, stages);
    const caughtUpMs = Math.round(performance.now() - quickMs);
    memory.look();
    const { rows, missing, duplicates, surplus, different } = await cloud.recount(untilMs);
    return {
      ...{ processes: memory.processes, behind, caughtUpMs },
      ...{ compared: rows, lost: missing, doubled: duplicates, wrong: surplus + different },
    };
  } finally {
    for (const one of stages) one.kill('SIGKILL');
    await Promise.all(stages.map((one) => one.exited));
  }
}

/** The same for minutes, with everything that is written to slow: the brokers of the tailer, the store of the others. */
export async function measureSlowSink(
  arena: Arena,
  minutes: number,
  say: (text: string) => void,
): Promise<SlowSink> {
  const kafka = arena.kafka;
  await using pipeline = await createPipeline({
    ...{ mariadbUrl: arena.database.url, kafka, partitions: 4, rangeMinutes },
  });
  const { target, names } = pipeline;
  const links = ['tail-log', 'aggregate-store', 'sink-store'] as const;
  return await slowSink({
    ...{ pipeline, say, seconds: 60 * minutes, hours: 60 * minutes },
    cloud: new LivingCloud({ target, ...names, seed: 1, vms: 100 }),
    env: (stage) => arena.env(stage),
    slow: (isSlow) => {
      for (const link of links)
        arena.proxies.get(link)!.set(isSlow ? { latencyMs: 150, bytesPerSecond: 20_000 } : {});
    },
  });
}

/** Processes that grew while they waited: one line each. */
export const grown = ({ processes }: Pick<SlowSink, 'processes'>): string[] =>
  processes
    .filter(({ beforeMb, mostMb }) => mostMb > beforeMb + spareMb)
    .map(({ name, beforeMb, mostMb }) => `${name} grew from ${beforeMb} to ${mostMb} MB`);

/** One line a process, and what became of the backlog. */
export function slowSinkTable(result: SlowSink): string {
  const { processes, behind, caughtUpMs, compared, lost, doubled, wrong } = result;
  return [
    ...memoryLines(processes),
    `behind by ${behind.records} records and ${behind.windows} windows, caught up after ${(caughtUpMs / 1000).toFixed(1)} s`,
    `rows compared ${compared}, lost ${lost}, doubled ${doubled}, wrong ${wrong}`,
  ].join('\n');
}

/** Events after its close delay say that it is over. */
async function hourThatCloses(cloud: LivingCloud): Promise<EpochMs> {
  const untilMs = await cloud.finishHour();
  await cloud.live(3 * hourMs);
  return untilMs;
}

async function howFarBehind(
  { pool, log, names }: Pipeline,
  cloud: LivingCloud,
): Promise<SlowSink['behind']> {
  const ends = await log.offsets(usageFeed.topic(names.prefix));
  const [[row]] = await pool.query<RowDataPacket[]>(
    `SELECT (SELECT SUM(next_offset) FROM ${quoteName(names.schema, 'progress')}) AS stored,
       (SELECT MAX(window_end_ms) FROM ${quoteName(names.schema, 'published_window')}) AS published`,
  );
  return {
    records: ends.reduce((sum, { next }) => sum + next, 0) - Number(row?.['stored'] ?? 0),
    windows: Math.floor((cloud.atMs - Number(row?.['published'] ?? 0)) / hourMs),
  };
}
