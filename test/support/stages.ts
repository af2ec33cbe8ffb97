import type { Pipeline, Stage } from '../../src/cli/demo/pipeline.ts';
import { stopAll } from '../../src/cli/demo/stage-process.ts';

/** Runs one stage to its `--until` and expects it to end well. */
export async function runStage(
  pipeline: Pipeline,
  stage: Stage,
  ...args: readonly string[]
): Promise<void> {
  await runStages(pipeline, [[stage, ...args]]);
}

/** Runs stages side by side until all have ended; the first that ends badly fails the test with its log. */
export async function runStages(
  pipeline: Pipeline,
  commands: readonly (readonly [Stage, ...string[]])[],
): Promise<void> {
  const running = commands.map(([stage, ...args]) => pipeline.start(stage, args));
  try {
    await Promise.all(
      running.map(async (stage) => {
        const end = await stage.exited;
        if (end !== 0) throw new Error(`${stage.name} ended with ${end}:\n${stage.tail()}`);
      }),
    );
  } finally {
    await stopAll(running);
  }
}

export const untilArgs = (ms: number): string[] => ['--until', new Date(ms).toISOString()];
