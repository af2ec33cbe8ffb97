import type { SoakResult } from './soak.ts';
import type { TakeOver } from './takeover.ts';

/** What another process may take to have the work of a lost one, median, ms: the default session timeout. */
const longestTakeOverMs = 10_000;
/** Sockets come and go: within so many, descriptors have not grown. */
const spareDescriptors = 3;

/** What was done and found, of all runs together. */
export interface ChaosTotal {
  readonly runs: number;
  readonly faults: number;
  readonly compared: number;
  readonly lost: number;
  readonly doubled: number;
}

/** The last line of a run of chaos. */
export const summaryLine = (total: ChaosTotal): string =>
  `runs ${total.runs}, faults ${total.faults}, rows compared ${total.compared}, lost ${total.lost}, doubled ${total.doubled}`;

/** The middle one, of two the smaller; 0 of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}

/** Take-overs that took too long, or were never measured: one line each. */
export function slowTakeOvers(results: readonly TakeOver[]): string[] {
  return results
    .filter(({ tookMs }) => tookMs.length === 0 || median(tookMs) > longestTakeOverMs)
    .map(({ stage, how, tookMs }) => `${stage} ${how}: median ${median(tookMs)} ms`);
}

/**
 * Processes that leak descriptors: in the last third of the run they never had as few as in the
 * first third at most, and some to spare. One line each.
 */
export function leaks({ processes }: Pick<SoakResult, 'processes'>): string[] {
  return processes.flatMap(({ name, samples }) => {
    const held = samples.map(({ descriptors }) => descriptors);
    const third = Math.ceil(held.length / 3);
    const [before, after] = [
      Math.max(0, ...held.slice(0, third)),
      Math.min(held.at(-1) ?? 0, ...held.slice(-third)),
    ];
    return after > before + spareDescriptors
      ? [`${name}: descriptors grew from ${before} to ${after}`]
      : [];
  });
}
