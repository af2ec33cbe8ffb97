import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { usagestream } from './command-line.ts';
import type { CommandEnd } from './command-line.ts';
import { runStages, untilArgs } from './stages.ts';

const common = ({ names, partitions }: Pipeline): string[] => [
  ...['--schema', names.schema, '--cloud-usage-schema', names.cloudUsageSchema],
  ...['--prefix', names.prefix, '--partitions', String(partitions), '--log-level', 'warn'],
];

/** `usagestream takeover` and `handback` on a pipeline; with another address of the sink in `env`, as its user. */
export const handover = (pipeline: Pipeline, env: Readonly<Record<string, string>> = {}) => ({
  takeover: (...args: readonly string[]): CommandEnd =>
    usagestream(
      [...['takeover', ...common(pipeline), '--range', '1440', '--preset', 'java-4.23'], ...args],
      env,
    ),
  handback: (generation: string, ...args: readonly string[]): CommandEnd =>
    usagestream(['handback', ...common(pipeline), '--generation', generation, ...args], env),
});

/** Runs the stages up to a time, on a generation. */
export async function runUntil(
  pipeline: Pipeline,
  untilMs: number,
  generation = 'main',
  ...storeArgs: readonly string[]
): Promise<void> {
  const until = untilArgs(untilMs);
  const store = [...until, '--generation', generation, ...storeArgs];
  await runStages(pipeline, [
    ['tail', ...until],
    ['aggregate', ...store],
    ['sink', ...store],
  ]);
}
