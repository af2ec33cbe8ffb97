import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import nodeFlags from '../node-flags.json' with { type: 'json' };

/** A stage of the pipeline as a process of its own, as an operator would start it. */
export interface StageProcess {
  readonly name: string;
  readonly pid: number;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** The same if it has ended, else undefined. */
  ended(): number | NodeJS.Signals | undefined;
  kill(signal: NodeJS.Signals): void;
  /** Last lines of its log, for a message about what went wrong. */
  tail(): string;
}

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const keptLines = 40;

/** Starts `usagestream <args>`; it stops by itself when this process is gone, however that happened. */
export function startStage(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onReport?: (report: unknown) => void,
): StageProcess {
  const child = spawn(process.execPath, [...nodeFlags, main, ...args, '--json'], {
    env: { ...process.env, ...env, USAGESTREAM_STOP_ON_STDIN_END: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // a killed child closes its end; its exit says so
  const lines: string[] = [];
  createInterface(child.stderr).on('line', (line) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
  });
  createInterface(child.stdout).on('line', (line) => {
    if (onReport && line.startsWith('{')) onReport(JSON.parse(line));
  });
  if (child.pid === undefined) throw new Error(`could not start ${name}`);
  return {
    name,
    pid: child.pid,
    exited: once(child, 'exit').then(() => child.exitCode ?? child.signalCode ?? 'SIGKILL'),
    ended: () => child.exitCode ?? child.signalCode ?? undefined,
    kill: (signal) => void child.kill(signal),
    tail: () => lines.join('\n'),
  };
}

/** Asks all to stop, waits, and kills what has not stopped within the time. */
export async function stopAll(processes: readonly StageProcess[], graceMs = 10_000): Promise<void> {
  for (const p of processes) p.kill('SIGTERM');
  const timer = setTimeout(() => processes.forEach((p) => p.kill('SIGKILL')), graceMs);
  await Promise.all(processes.map((p) => p.exited));
  clearTimeout(timer);
}
