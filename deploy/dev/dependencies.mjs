import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, nodeEnvironment, npmCommand } from './node24.mjs';
import { run } from './processes.mjs';
import { step } from './progress.mjs';
import { withLock } from './stale.mjs';

/** Runs `npm ci` when node_modules is not what the lockfile asks for. */
export async function installDependencies(root, node) {
  const lockfile = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lockfile).digest('hex');
  // Native packages differ by platform, and a clone may be shared with a container.
  const wanted = `${hash} ${process.platform} ${process.arch}\n`;
  const stamp = join(root, 'node_modules', '.usagestream-installed');
  if (read(stamp) === wanted) return;

  const locks = join(cacheFolder(), 'locks');
  mkdirSync(locks, { recursive: true });
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  await withLock(join(locks, name), 'npm ci', async () => {
    if (read(stamp) === wanted) return;
    // Before and after: an install that was cut short must not look complete.
    rmSync(stamp, { force: true });
    await step('installing dependencies (npm ci)', async () => {
      const { file, args } = npmCommand(node);
      // `npm -s run` would silence the message of a failure here too.
      const flags = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
      const code = await run(file, [...args, 'ci', ...flags], {
        group: true,
        cwd: root,
        env: nodeEnvironment(node),
        stdio: ['ignore', 2, 2],
      });
      if (code !== 0) throw new Error(`npm ci failed (exit code ${code}): see its message above`);
    });
    writeFileSync(stamp, wanted);
  });
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
