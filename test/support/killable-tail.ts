import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AdoptOptions } from '../../src/tail/adopt.ts';
import type { TailOptions, TailProgress } from '../../src/tail/tailer.ts';
import { servers } from './servers.ts';

type Dies = (progress: TailProgress, seen: number) => boolean;

/** A tailer in a process of its own, which dies by SIGKILL as soon as `dies` says so of its progress. */
export const killTailWhen = (options: TailOptions, dies: Dies): Promise<void> =>
  killWhen('tail-process.ts', options, dies);

/** The same with one that adopts a Debezium's topics. */
export const killAdoptWhen = (options: AdoptOptions, dies: Dies): Promise<void> =>
  killWhen('adopt-process.ts', options, dies);

async function killWhen(
  file: string,
  options: TailOptions | AdoptOptions,
  dies: Dies,
): Promise<void> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const given = JSON.stringify({ brokers: servers().kafkaBrokers, options });
  const child = spawn(process.execPath, [script, given], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => undefined); // it was killed; its exit says so
  let seen = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (dies(JSON.parse(line) as TailProgress, ++seen)) child.kill('SIGKILL');
    else child.stdin.write('.');
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the tailer ended by itself with ${code ?? signal}`);
}
