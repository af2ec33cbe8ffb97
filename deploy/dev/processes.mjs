// Runs children for the bootstrap. Plain JavaScript for Node >= 18: nothing is installed yet.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants as fsConstants, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';

/** Thrown through every `finally` when we were told to stop; `code` is the exit code to end with. */
export class Interrupted extends Error {
  constructor(signal) {
    super(`stopped by ${signal}`);
    this.code = 128 + constants.signals[signal];
  }
}

const children = new Map();
let stop;

/** Installs the handlers once; from then on a signal ends the running child and then us. */
export function forwardSignals() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => onStop(signal));
  // npm killed with SIGKILL tells nobody. Without this its script would run on as an orphan.
  if (process.env.npm_lifecycle_event) {
    const before = parents();
    setInterval(() => parents() !== before && onStop('SIGTERM'), 1000).unref();
  }
}

/**
 * Runs a program to its end.
 *
 * @param options spawn options, and `group`: the program leads its own process group, so that a
 *                signal reaches whatever it started (npm, its scripts) and the terminal's does not
 *                reach it twice; `last`: its exit code is ours, even after a signal; `onMessage`:
 *                called with each message of a child that has an IPC channel.
 * @returns its exit code, 128 + n when signal n ended it.
 * @throws Interrupted when we were told to stop meanwhile and it is not the last program.
 */
export async function run(file, args, { group, last, onMessage, ...options } = {}) {
  if (stop) throw new Interrupted(stop.signal);
  // A child with a channel sees us go by itself, and may have reason to stay.
  const [program, ...argv] = [...(onMessage ? [] : dieWithUs(group)), file, ...args];
  const code = await new Promise((resolve, reject) => {
    const child = spawn(program, argv, { stdio: 'inherit', ...options, detached: group === true });
    children.set(child, group);
    child.on('error', reject);
    if (onMessage) child.on('message', (message) => onMessage(message, child, resolve));
    child.on('exit', (status, signal) => {
      children.delete(child);
      resolve(status ?? 128 + constants.signals[signal]);
    });
  });
  if (stop && !last) throw new Interrupted(stop.signal);
  return code;
}

// The shell in which npm runs a script, and npm itself where /proc tells.
function parents() {
  try {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    // The second field is a name in brackets that may hold spaces; its parent is the fourth.
    return `${process.ppid} ${stat.slice(stat.lastIndexOf(')')).split(' ')[2]}`;
  } catch {
    return `${process.ppid}`;
  }
}

// The kernel ends the child when we are killed without a chance to do it ourselves: at once if it
// belongs to the set-up (npm would go on for seconds after SIGTERM), in good order if it is a command.
let hasSetpriv;
function dieWithUs(group) {
  const wrapper = ['setpriv', '--pdeathsig', group ? 'KILL' : 'TERM'];
  // BusyBox has a setpriv that lacks the option; macOS has none.
  hasSetpriv ??= spawnSync(wrapper[0], [...wrapper.slice(1), 'true']).status === 0;
  return hasSetpriv ? wrapper : [];
}

/** @returns the full path of a program on PATH, or undefined. */
export function findOnPath(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, fsConstants.X_OK);
      return file;
    } catch {
      // Not here: try the next folder.
    }
  }
  return undefined;
}

function onStop(signal) {
  // A terminal and npm both pass Ctrl-C on, so it comes twice; only a later one means "at once".
  const again = stop !== undefined && Date.now() - stop.at > 1000;
  if (stop && !again) return;
  stop ??= { signal, at: Date.now() };
  for (const [child, group] of children) {
    try {
      process.kill(group ? -child.pid : child.pid, again ? 'SIGKILL' : signal);
    } catch {
      // It has ended by itself.
    }
  }
}
