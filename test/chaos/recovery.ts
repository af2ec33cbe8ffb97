import { setTimeout as sleep } from 'node:timers/promises';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import { createCloudSchema } from '../../src/simulate/schema.ts';
import { startMariaDb } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import type { Arena } from './arena.ts';
import { copyCloud } from './copy-cloud.ts';
import { LivingCloud, rangeMinutes } from './living-cloud.ts';
import { memoryLines, watchMemory } from './memory.ts';
import type { Memory } from './memory.ts';
import { Player } from './player.ts';
import { median } from './verdicts.ts';
import { whenPublished } from './when-published.ts';

const sampleMs = 1000;

export interface Recoveries {
  readonly awayMs: number;
  readonly servers: readonly Recovery[];
  /** What each process had before the first, and at most. */
  readonly processes: readonly Readonly<Memory>[];
  readonly compared: number;
  readonly lost: number;
  readonly doubled: number;
  readonly wrong: number;
}

interface Recovery {
  readonly server: 'broker' | 'source' | 'store';
  /** From its being back until all that was committed by then was published, one number a try. */
  readonly tookMs: readonly number[];
}

interface Asked {
  readonly tries: number;
  /** Pauses between tries of the processes grow while a server is away. */
  readonly awayMs: number;
  readonly say: (text: string) => void;
}

/**
 * Kills a server under load, lets it be away for a while, and measures how long the pipeline takes to be up to
 * date once it is back: its broker, the database that it reads and the one that it writes, which is another. Then
 * every row is counted again.
 */
export async function measureRecoveries(
  arena: Arena,
  { tries, awayMs, say }: Asked,
): Promise<Recoveries> {
  await using source = await startMariaDb({ settings: { innodb_buffer_pool_size: '128M' } });
  const kafka = arena.kafka;
  await using pipeline = await createPipeline({
    mariadbUrl: arena.database.url,
    kafka,
    partitions: 4,
    rangeMinutes,
  });
  const target = parseMysqlUrl(source.url);
  await createCloudSchema(target, pipeline.names.cloudSchema);
  const cloud = new LivingCloud({ target, ...pipeline.names, seed: 1 });
  const env = {
    USAGESTREAM_SOURCE: source.url,
    USAGESTREAM_SINK: arena.database.url,
    USAGESTREAM_LOG: `kafka://${kafka}`,
  };
  const stages = (['tail', 'aggregate', 'sink'] as const).map((stage) =>
    startStage(stage, pipeline.args(stage), env),
  );
  const servers = { broker: arena.brokers[0]!, source, store: arena.database };
  const player = new Player(cloud, false);
  player.start();
  const results: Recovery[] = [];
  let sampling: NodeJS.Timeout | undefined;
  try {
    await whenPublished(pipeline, await player.rest(() => cloud.finishHour()), stages);
    const memory = watchMemory(stages);
    // Who waits for the stages tells of one that has ended.
    const areThere = () => stages.every((one) => one.ended() === undefined);
    sampling = setInterval(() => areThere() && memory.look(), sampleMs);
    let untilMs = cloud.atMs;
    for (const server of ['broker', 'source', 'store'] as const) {
      const tookMs: number[] = [];
      for (let n = 0; n < tries; n++) {
        await whenPublished(pipeline, await player.rest(() => cloud.finishHour()), stages);
        const hurt = () => away(servers[server], awayMs);
        // Nobody writes to a source that is away.
        await (server === 'source' ? player.rest(hurt) : hurt());
        const backMs = performance.now();
        untilMs = await player.rest(() => cloud.finishHour());
        await whenPublished(pipeline, untilMs, stages);
        tookMs.push(Math.round(performance.now() - backMs));
        say(`${server}: ${tookMs.at(-1)} ms`);
      }
      results.push({ server, tookMs });
    }
    const { rows, missing, duplicates, surplus, different } = await player.rest(async () => {
      const store = parseMysqlUrl(arena.database.url);
      await copyCloud(target, store, pipeline.names.cloudSchema);
      return cloud.recount(untilMs, store);
    });
    const counted = { lost: missing, doubled: duplicates, wrong: surplus + different };
    return { awayMs, servers: results, processes: memory.processes, compared: rows, ...counted };
  } finally {
    clearInterval(sampling);
    await player.stop().catch(() => undefined);
    for (const one of stages) one.kill('SIGKILL');
    await Promise.all(stages.map((one) => one.exited));
  }
}

/** One line a server: median and longest, seconds; one a process; and the rows. */
export function recoveryTable(result: Recoveries): string {
  const { awayMs, servers, processes, compared, lost, doubled, wrong } = result;
  const seconds = (ms: number) => (ms / 1000).toFixed(1).padStart(8);
  return [
    `killed, away ${awayMs / 1000} s  tries  median s longest s`,
    ...servers.map(
      ({ server, tookMs }) =>
        `${server.padEnd(17)}${String(tookMs.length).padStart(5)}  ${seconds(median(tookMs))}  ${seconds(Math.max(0, ...tookMs))}`,
    ),
    '',
    ...memoryLines(processes),
    `rows compared ${compared}, lost ${lost}, doubled ${doubled}, wrong ${wrong}`,
  ].join('\n');
}

async function away(server: LocalServer, awayMs: number): Promise<void> {
  await server.stop('SIGKILL');
  await sleep(awayMs);
  await server.restart();
}
