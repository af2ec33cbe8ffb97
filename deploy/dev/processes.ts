import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const live = new Set<ChildProcess>();
let wrapper: string[] | undefined;

/**
 * Starts a background process that cannot outlive this one.
 *
 * It leads its own process group, so that Ctrl-C reaches a server only when we say so, after the
 * command that uses it has ended.
 *
 * @param logFile receives its output; appended to.
 */
export function launch(
  file: string,
  args: readonly string[],
  options: { readonly logFile: string; readonly cwd: string },
): ChildProcess {
  const [program = file, ...argv] = [...dieWithUs('KILL'), file, ...args];
  const log = openSync(options.logFile, 'a');
  try {
    const stdio = ['ignore', log, log] as const;
    return track(spawn(program, argv, { cwd: options.cwd, detached: true, stdio: [...stdio] }));
  } finally {
    closeSync(log);
  }
}

/**
 * Runs a tool to its end, in its own process group; an abort interrupts it and waits for it.
 *
 * @param onOutput called with each piece of its output.
 * @throws Error with the end of its output when it fails.
 */
export async function runTool(
  file: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly signal?: AbortSignal | undefined;
    readonly onOutput?: (text: string) => void;
  } = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  const [program = file, ...argv] = [...dieWithUs('TERM'), file, ...args];
  const { cwd, env, signal } = options;
  const child = track(spawn(program, argv, { cwd, env, detached: true, stdio: 'pipe' }));
  child.stdin.end();
  let output = '';
  const collect = (data: Buffer) => {
    output = (output + data.toString()).slice(-1_000_000);
    options.onOutput?.(data.toString());
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  // SIGINT: apt and Maven then end in good order; a package is never left half unpacked.
  const interrupt = () => signalGroup(child, 'SIGINT');
  signal?.addEventListener('abort', interrupt);
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, string | null];
    signal?.throwIfAborted();
    if (code === 0) return output;
    const end = output.trimEnd().split('\n').slice(-60).join('\n');
    throw new Error(`${file} failed (${code ?? killedBy}):\n${end}`);
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

/** Ends a process of ours and waits until it is gone; SIGKILL after `graceMs`. */
export async function end(
  child: ChildProcess,
  signal: NodeJS.Signals,
  graceMs = 20_000,
): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  const enough = new AbortController();
  child.kill(signal);
  const kill = sleep(graceMs, undefined, { signal: enough.signal }).then(
    () => child.kill('SIGKILL'),
    () => false,
  );
  await ended;
  enough.abort();
  await kill;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // The group has ended by itself.
  }
}

function track<T extends ChildProcess>(child: T): T {
  // process.exit() anywhere must not leave a server behind where the kernel does not see to it.
  if (live.size === 0) process.once('exit', endAll);
  live.add(child);
  child.once('exit', () => {
    live.delete(child);
    if (live.size === 0) process.removeListener('exit', endAll);
  });
  return child;
}

function endAll(): void {
  for (const child of live) signalGroup(child, 'SIGKILL');
}

/** @returns the words before a command that make the kernel signal it when this process dies. */
export function dieWithUs(signal: 'KILL' | 'TERM'): string[] {
  // BusyBox has a setpriv that lacks the option; macOS has none.
  const words = ['--pdeathsig', signal];
  wrapper ??= spawnSync('setpriv', [...words, 'true']).status === 0 ? ['setpriv'] : [];
  return wrapper.length > 0 ? [...wrapper, ...words] : [];
}
