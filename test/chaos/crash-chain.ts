import type { Pipeline, Stage } from '../../src/cli/demo/pipeline.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';

/** A point, or its n-th passing: `name:n`; and what has to happen in the cloud for it to be passed. */
export interface PlannedCrash {
  readonly at: CrashPoint;
  readonly nth?: number;
  readonly before?: () => Promise<void>;
  /** Arguments beside those of the pipeline. */
  readonly args?: readonly string[];
}

/**
 * One process of a stage after another, each of which kills itself at the next point of the list.
 *
 * @returns the points at which a process died by SIGKILL
 * @throws when one ends otherwise, with its log; when one does not die within `limitMs`
 */
export async function crashAtEach(
  pipeline: Pipeline,
  env: Readonly<Record<string, string>>,
  stage: Stage,
  crashes: readonly PlannedCrash[],
  limitMs = 60_000,
): Promise<CrashPoint[]> {
  const hit: CrashPoint[] = [];
  for (const { at, nth = 1, before, args } of crashes) {
    const process = startStage(`${stage}, to die at ${at}`, pipeline.args(stage, args), {
      ...env,
      USAGESTREAM_CRASH_AT: `${at}:${nth}`,
    });
    const timer = setTimeout(() => process.kill('SIGABRT'), limitMs);
    try {
      await before?.();
      const end = await process.exited;
      if (end !== 'SIGKILL')
        throw new Error(`${process.name} ended with ${end} instead:\n${process.tail()}`);
    } finally {
      clearTimeout(timer);
      process.kill('SIGKILL');
    }
    hit.push(at);
  }
  return hit;
}
