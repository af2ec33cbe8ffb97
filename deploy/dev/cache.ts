import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder, outside the clone, where downloads are kept; as `cacheFolder` in node24.mjs. */
export function cacheFolder(): string {
  const { USAGESTREAM_CACHE, XDG_CACHE_HOME } = process.env;
  return USAGESTREAM_CACHE ?? join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'usagestream');
}

/**
 * Fills `<cache>/<name>` once. It is filled beside and takes its name at the end, so an interrupt
 * leaves no half-filled cache.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>) {
  const home = join(cacheFolder(), name);
  if (existsSync(home)) return home;
  mkdirSync(cacheFolder(), { recursive: true });
  removeStale(`${name}-tmp-`);
  const temporary = mkdtempSync(join(cacheFolder(), `${name}-tmp-${process.pid}-`));
  try {
    await fill(temporary);
    // Another run may have finished first: its copy is as good as ours.
    if (!existsSync(home)) renameSync(temporary, home);
    return home;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function removeStale(prefix: string): void {
  for (const name of readdirSync(cacheFolder())) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : NaN;
    if (pid > 0 && !isAlive(pid)) rmSync(join(cacheFolder(), name), { recursive: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
