import { crashPoints } from '../../src/platform/crash-points.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import type { CommandEnd } from './command-line.ts';

/** The named points of a command, in the order in which it passes them. */
export const pointsOf = (command: string): CrashPoint[] =>
  crashPoints.filter((point) => point.startsWith(`${command}.`));

/** Lets a command die by SIGKILL at a point. @throws when it ends before */
export function dieAt(
  at: CrashPoint,
  run: (env: Readonly<Record<string, string>>) => CommandEnd,
): void {
  const { status, stdout, stderr } = run({ USAGESTREAM_CRASH_AT: at });
  if (status !== null) throw new Error(`ended with ${status} before ${at}:\n${stdout}${stderr}`);
}
