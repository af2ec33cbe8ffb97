import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { servers } from './servers.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface CommandEnd {
  /** null: it was killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `usagestream …` to its end; the servers' addresses are in its environment. */
export function usagestream(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): CommandEnd {
  const { mariadbUrl, kafkaBrokers } = servers();
  const flags = ['--disable-warning=ExperimentalWarning', main, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, flags, {
    encoding: 'utf8',
    env: {
      ...process.env,
      USAGESTREAM_SOURCE: mariadbUrl,
      USAGESTREAM_SINK: mariadbUrl,
      USAGESTREAM_LOG: `kafka://${kafkaBrokers.join(',')}`,
      ...env,
    },
    maxBuffer: 256 * 1024 * 1024,
  });
  return { status, stdout, stderr };
}
