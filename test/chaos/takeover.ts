import { setTimeout as sleep } from 'node:timers/promises';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline, Stage } from '../../src/cli/demo/pipeline.ts';
import type { StageProcess } from '../../src/cli/demo/stage-process.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { positions } from '../../streams/index.ts';
import type { Arena } from './arena.ts';
import { LivingCloud, rangeMinutes } from './living-cloud.ts';
import { median } from './verdicts.ts';

export interface TakeOver {
  readonly stage: Stage;
  readonly how: 'SIGKILL' | 'SIGSTOP';
  /** From the signal until another process had all its work, one number a try. */
  readonly tookMs: readonly number[];
}

/**
 * Kills, and freezes, whoever leads or owns partitions, and measures until another has taken over: two
 * processes of each stage under a steady load, with the default settings.
 */
export async function measureTakeOvers(
  arena: Arena,
  tries: number,
  say: (text: string) => void = () => {},
): Promise<TakeOver[]> {
  await using pipeline = await createPipeline({
    mariadbUrl: arena.database.url,
    kafka: arena.kafka,
    partitions: 4,
    rangeMinutes,
  });
  const cloud = new LivingCloud({ target: pipeline.target, ...pipeline.names, seed: 1 });
  const stages = ['tail', 'aggregate', 'sink'] as const;
  const measured = Promise.all(stages.map((stage) => measure(pipeline, stage, tries, say)));
  await cloud.liveDuring(measured, { simulatedMs: 900_000, everyMs: 500 });
  return (await measured).flat();
}

/** One line a stage and way to stop it: median and longest, seconds. */
export function takeOverTable(results: readonly TakeOver[]): string {
  const seconds = (ms: number) => (ms / 1000).toFixed(1).padStart(8);
  return [
    'stage      how      tries  median s longest s',
    ...results.map(({ stage, how, tookMs }) => {
      return `${stage.padEnd(11)}${how.padEnd(9)}${String(tookMs.length).padStart(5)}  ${seconds(median(tookMs))}  ${seconds(Math.max(0, ...tookMs))}`;
    }),
  ].join('\n');
}

async function measure(
  pipeline: Pipeline,
  stage: Stage,
  tries: number,
  say: (text: string) => void,
): Promise<TakeOver[]> {
  const pair: StageProcess[] = [pipeline.start(stage), pipeline.start(stage)];
  const results: TakeOver[] = [];
  try {
    for (const how of ['SIGKILL', 'SIGSTOP'] as const) {
      const tookMs: number[] = [];
      for (let n = 0; n < tries; n++) {
        // The other has joined, and the group is at rest.
        await busyOne(pipeline, stage, pair);
        await sleep(6000);
        const victim = await busyOne(pipeline, stage, pair);
        const fromMs = Date.now();
        victim.kill(how);
        const took = (await takenOver(pipeline, stage, victim.pid)) - fromMs;
        say(`${stage} ${how}: ${took} ms`);
        tookMs.push(took);
        victim.kill('SIGKILL');
        await victim.exited;
        pair[pair.indexOf(victim)] = pipeline.start(stage);
      }
      results.push({ stage, how, tookMs });
    }
  } finally {
    for (const one of pair) {
      one.kill('SIGKILL');
      await one.exited;
    }
  }
  return results;
}

async function busyOne(pipeline: Pipeline, stage: Stage, pair: readonly StageProcess[]) {
  for (;;) {
    const { pids } = await owners(pipeline, stage);
    const busy = pair.find(({ pid }) => pids.includes(pid));
    if (busy) return busy;
    await sleep(50);
  }
}

/** @returns when it was, epoch ms */
async function takenOver(pipeline: Pipeline, stage: Stage, victim: number): Promise<number> {
  for (;;) {
    const { pids, atMs } = await owners(pipeline, stage);
    if (pids.length > 0 && !pids.includes(victim)) return atMs ?? Date.now();
    await sleep(20);
  }
}

/** Processes that have the work of a stage, and since when, where that is written down. */
async function owners(
  pipeline: Pipeline,
  stage: Stage,
): Promise<{ pids: readonly number[]; atMs?: number }> {
  const { schema } = pipeline.names;
  switch (stage) {
    case 'tail':
      return newestLeader(pipeline);
    case 'aggregate':
      return {
        pids: await ids(
          pipeline,
          `SELECT DISTINCT SUBSTRING_INDEX(SUBSTRING_INDEX(owner, '/', -1), '#', 1) AS pid
        FROM ${quoteName(schema, 'progress')} WHERE owner IS NOT NULL`,
        ),
      };
    case 'sink':
      return {
        pids: await ids(
          pipeline,
          `SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(owner, '#', 2), '#', -1) AS pid
        FROM ${quoteName(schema, 'lease')} WHERE name = 'sink' AND owner IS NOT NULL`,
        ),
      };
    default:
      return stage satisfies never;
  }
}

async function ids({ pool }: Pipeline, sql: string): Promise<number[]> {
  const [rows] = await pool.query<RowDataPacket[]>(sql);
  return rows.map((row) => Number(row['pid']));
}

/** Who said last in the topic of positions that it leads. */
async function newestLeader({ log, names }: Pipeline): Promise<{ pids: number[]; atMs?: number }> {
  const topic = positions.topic(names.prefix);
  const [offsets] = await log.offsets(topic).catch(() => []);
  if (!offsets || offsets.next === offsets.earliest) return { pids: [] };
  let leader: { pid: number; atMs: number } | undefined;
  const { signal } = new AbortController();
  const range = { topic, partition: 0, from: offsets.earliest, until: offsets.next, signal };
  for await (const { records } of log.read(range))
    for (const { key, value } of records)
      if (value !== null && key?.toString().endsWith('/leader') === true)
        leader = JSON.parse(value.toString()) as { pid: number; atMs: number };
  return leader === undefined ? { pids: [] } : { pids: [leader.pid], atMs: leader.atMs };
}
