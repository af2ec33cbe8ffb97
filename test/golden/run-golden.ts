import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import { publishedLines } from '../support/published-lines.ts';
import { runStage, runStages, untilArgs } from '../support/stages.ts';
import type { Difference } from './classify.ts';
import { explain } from './explain.ts';
import { playInput } from './play-input.ts';
import { cutOf, readFolderRuns, readGoldenFolder } from './read-folder.ts';
import { windowArgs } from './window-zone.ts';

export interface GoldenServers {
  readonly mariadbUrl: string;
  readonly kafkaBrokers: readonly string[];
}

export interface GoldenResult {
  readonly name: string;
  /** Keys of run.json that say nothing to us. */
  readonly unread: readonly string[];
  /** Rows of the folder, and ours. */
  readonly expected: number;
  readonly ours: readonly string[];
  readonly differences: readonly Difference[];
  /** Seconds of real time. */
  readonly seconds: { readonly load: number; readonly pipeline: number; readonly compare: number };
}

/** Takes a golden folder through tail, aggregate and sink, and explains how the rows differ. */
export async function runGolden(where: URL, servers: GoldenServers): Promise<GoldenResult> {
  const golden = await readGoldenFolder(where);
  const windows = cutOf(golden);
  const runs = await readFolderRuns(where);
  const clock = stopwatch();
  await using pipeline = await createPipeline({
    mariadbUrl: servers.mariadbUrl,
    kafka: servers.kafkaBrokers.join(','),
    partitions: 4,
    rangeMinutes: golden.rangeMs / 60_000,
  });
  const delay = ['--close-delay', `${golden.runDelayMs}ms`];
  // The tail begins before the history, so that all of it comes by the binlog with its commit times,
  // and says that nothing before the first window is to come: as a server that begins its work there.
  await runStage(pipeline, 'tail', ...untilArgs(golden.fromMs), ...delay);
  await playInput(golden.inputSql, pipeline.target, pipeline.names.cloudSchema);
  const load = clock();
  const until = untilArgs(golden.toMs);
  await runStages(pipeline, [
    ['tail', ...until, ...delay],
    ['aggregate', ...until, ...delay, ...windowArgs(windows)],
    ['sink', ...until],
  ]);
  const ours = await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema);
  const passed = clock();
  const differences = explain(golden, ours, runs);
  const seconds = { load, pipeline: passed, compare: clock() };
  const { name, usage, unread = [] } = golden;
  return { name, unread, expected: usage.length, ours, differences, seconds };
}

/** Seconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    return seconds;
  };
}
