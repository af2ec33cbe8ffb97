import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PREFIX = 'usagestream-';
const OWNER = 'owner';
/** Set for everything a run starts; by it whatever is left over is recognised as ours. */
export const RUN_FOLDER = 'USAGESTREAM_RUN_DIR';

/** Makes the folder that holds all of a run's data and names this process as its owner. */
export function createRunFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  writeFileSync(join(folder, OWNER), `${process.pid} ${startOf(process.pid)}`);
  return folder;
}

/** Makes a data folder: inside the run's folder, so that it vanishes with the run, if there is one. */
export function createDataFolder(name: string): string {
  return mkdtempSync(join(process.env[RUN_FOLDER] ?? tmpdir(), `${name}-`));
}

export function removeFolder(folder: string): void {
  // A process that is just ending may still write a file there.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Ends the left-over processes and removes the data of runs whose owner was killed. */
export async function removeStaleRuns(): Promise<string[]> {
  const removed = [];
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !isStale(folder)) continue;
    await endProcessesOf(folder);
    removeFolder(folder);
    removed.push(folder);
  }
  return removed;
}

/** Ends what a command of this run left running: it carries the run's folder in its environment. */
export async function endProcessesOf(folder: string): Promise<void> {
  for (let waited = 0; waited <= 4000; waited += 100) {
    const pids = processesOf(folder);
    if (pids.length === 0) return;
    if (waited === 0 || waited >= 3000) {
      for (const pid of pids) kill(pid, waited === 0 ? 'SIGTERM' : 'SIGKILL');
    }
    await sleep(100);
  }
}

function processesOf(folder: string): number[] {
  const mark = `${RUN_FOLDER}=${folder}`;
  const isOurs = (pid: number) => read(`/proc/${pid}/environ`)?.split('\0').includes(mark) === true;
  return listProcesses().filter((pid) => pid !== process.pid && isOurs(pid));
}

function listProcesses(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return []; // No /proc: not Linux.
  }
}

function isStale(folder: string): boolean {
  try {
    if (statSync(folder).uid !== process.getuid?.()) return false;
    const [pid, start] = readFileSync(join(folder, OWNER), 'utf8').split(' ');
    // Start times tell a living owner from a stranger who got its number later.
    return startOf(Number(pid)) !== start;
  } catch {
    return false; // No owner named: not a run's folder, or one that is being made.
  }
}

/** @returns what tells this process from any other of the same number, '' when there is none. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is a name in brackets that may hold spaces; the start time is the 22nd.
  if (stat !== undefined) return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? '';
  return kill(pid, 0) ? 'alive' : '';
}

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
