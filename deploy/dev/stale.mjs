import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './progress.mjs';

/** Removes `<prefix><pid>-...` folders whose process was killed before it could do so itself. */
export function removeStale(folder, prefix) {
  for (const name of readdirSync(folder)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : NaN;
    if (pid > 0 && !isAlive(pid)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Runs `work` while no other process holds the lock; a dead holder's lock is taken over. */
export async function withLock(file, what, work) {
  for (let waited = 0; !acquire(file); waited += 1) {
    if (waited === 0) say(`waiting for another run to finish ${what}`);
    await sleep(500);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function acquire(file) {
  try {
    writeFileSync(file, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!existsSync(file) || isAlive(Number(readFileSync(file, 'utf8')))) return false;
    rmSync(file, { force: true });
    return acquire(file);
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
