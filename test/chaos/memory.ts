import type { StageProcess } from '../../src/cli/demo/stage-process.ts';
import { holds } from './holds.ts';

/** What a process had at first, and at most since. */
export interface Memory {
  readonly name: string;
  readonly beforeMb: number;
  mostMb: number;
}

/** What processes have from now on, as often as `look` is called. */
export function watchMemory(stages: readonly StageProcess[]): {
  readonly processes: readonly Memory[];
  /** @throws when one of them has ended */
  look(): void;
} {
  const processes = stages.map((one): Memory => {
    const { rssMb } = holds(one);
    return { name: one.name, beforeMb: rssMb, mostMb: rssMb };
  });
  const look = () => {
    for (const [i, one] of processes.entries())
      one.mostMb = Math.max(one.mostMb, holds(stages[i]!).rssMb);
  };
  return { processes, look };
}

/** One line a process. */
export const memoryLines = (processes: readonly Readonly<Memory>[]): string[] => [
  'process    MB before  MB most',
  ...processes.map(
    ({ name, beforeMb, mostMb }) =>
      `${name.padEnd(11)}${String(beforeMb).padStart(9)}${String(mostMb).padStart(9)}`,
  ),
];
