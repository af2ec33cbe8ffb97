import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TailOptions, TailProgress } from '../../src/tail/tailer.ts';
import { servers } from './servers.ts';

const script = fileURLToPath(new URL('tail-process.ts', import.meta.url));

/** A tailer in a process of its own, which dies by SIGKILL as soon as `dies` says so of its progress. */
export async function killTailWhen(
  options: TailOptions,
  dies: (progress: TailProgress, seen: number) => boolean,
): Promise<void> {
  const given = JSON.stringify({ brokers: servers().kafkaBrokers, options });
  const child = spawn(process.execPath, [script, given], { stdio: ['ignore', 'pipe', 'inherit'] });
  let seen = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (dies(JSON.parse(line) as TailProgress, ++seen)) child.kill('SIGKILL');
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the tailer ended by itself with ${code ?? signal}`);
}
