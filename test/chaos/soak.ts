import { setTimeout as sleep } from 'node:timers/promises';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { stopAll } from '../../src/cli/demo/stage-process.ts';
import { runStages, untilArgs } from '../support/stages.ts';
import type { Arena } from './arena.ts';
import { holds } from './holds.ts';
import { LivingCloud, rangeMinutes } from './living-cloud.ts';

/** What one process held at a time. */
interface Sample {
  readonly minute: number;
  readonly rssMb: number;
  readonly descriptors: number;
}

export interface SoakResult {
  readonly processes: readonly { readonly name: string; readonly samples: readonly Sample[] }[];
  readonly events: number;
  readonly compared: number;
  readonly wrong: number;
}

const sampleMs = 60_000;
const hourMs = 3_600_000;
/** Until then caches fill. */
const warmMinutes = 3;

/**
 * The whole pipeline under a steady load for so many minutes; once a minute the memory and the open
 * descriptors of each process are written down. In the end every row is compared with a recount.
 */
export async function soak(
  arena: Arena,
  minutes: number,
  say: (text: string) => void,
): Promise<SoakResult> {
  await using pipeline = await createPipeline({
    mariadbUrl: arena.database.url,
    kafka: arena.kafka,
    partitions: 4,
    rangeMinutes,
  });
  const { target, names } = pipeline;
  const cloud = new LivingCloud({ target, ...names, seed: 1, vms: 200 });
  const stages = ['tail', 'tail', 'aggregate', 'aggregate', 'sink', 'sink'] as const;
  const started = stages.map((stage) => pipeline.start(stage));
  const processes = started.map((process, i) => ({
    name: `${stages[i]} ${(i % 2) + 1}`,
    process,
    samples: [] as Sample[],
  }));
  const watching = (async () => {
    for (let minute = 1; minute <= minutes; minute++) {
      await sleep(sampleMs);
      for (const { process, samples } of processes) samples.push({ minute, ...holds(process) });
      say(
        [
          `minute ${minute}, ${cloud.events} events:`,
          ...processes.map(
            ({ name, samples }) =>
              `${name} ${samples.at(-1)?.rssMb} MB ${samples.at(-1)?.descriptors} fd,`,
          ),
        ].join(' '),
      );
    }
  })();
  try {
    await cloud.liveDuring(watching, { simulatedMs: hourMs / 12, everyMs: 400 });
  } finally {
    await stopAll(started);
  }
  const untilMs = await cloud.finishHour();
  const until = untilArgs(untilMs);
  await runStages(pipeline, [
    ['tail', ...until],
    ['aggregate', ...until],
    ['sink', ...until],
  ]);
  const { rows, missing, surplus, different, duplicates } = await cloud.recount(untilMs);
  return {
    processes,
    events: cloud.events,
    compared: rows,
    wrong: missing + surplus + different + duplicates,
  };
}

/** Least squares over the time after the start, and both ends. */
export function soakTable({ processes, events, compared, wrong }: SoakResult): string {
  const line = (...cells: readonly (string | number)[]) =>
    cells
      .map((cell, i) => (i === 0 ? String(cell).padEnd(13) : String(cell).padStart(11)))
      .join('');
  return [
    line(
      'process',
      'RSS first',
      'RSS last',
      'RSS most',
      'MB/hour',
      'fd first',
      'fd last',
      'fd most',
    ),
    ...processes.map(({ name, samples }) => {
      const warm = samples.length > warmMinutes + 1 ? samples.slice(warmMinutes) : samples;
      const [rss, fds] = [warm.map((s) => s.rssMb), warm.map((s) => s.descriptors)];
      const slope = 60 * slopeOf(warm.map(({ minute, rssMb }) => [minute, rssMb] as const));
      return line(
        name,
        ...[rss[0] ?? 0, rss.at(-1) ?? 0, Math.max(...rss), slope.toFixed(1)],
        ...[fds[0] ?? 0, fds.at(-1) ?? 0, Math.max(...fds)],
      );
    }),
    `${events} events, ${compared} rows compared, ${wrong} wrong`,
  ].join('\n');
}

function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([at]) => at), mean(([, value]) => value)];
  const spread = mean(([at]) => (at - x) ** 2);
  return spread === 0 ? 0 : mean(([at, value]) => (at - x) * (value - y)) / spread;
}
