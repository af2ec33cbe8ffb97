import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AggregateOptions } from '../../src/aggregate/aggregate.ts';

/** A worker in a process of its own, which stops itself (SIGSTOP) in the middle of its work. */
export interface WorkerProcess {
  /** Resolves when it has stopped itself. */
  stopped(): Promise<void>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): void;
  /** Lets it go on, however late it stops itself after having said so. */
  resume(): void;
  /** Exit code or name of the signal, with what it wrote to stderr. */
  readonly ended: Promise<{ readonly how: number | string; readonly log: string }>;
}

/** @param stopAfter It stops itself after the commit that brought this number of events. */
export function startWorkerProcess(options: AggregateOptions, stopAfter: number): WorkerProcess {
  const script = fileURLToPath(new URL('aggregate-child.ts', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(options), String(stopAfter)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (log += text));
  const said = once(child.stdout, 'data');
  const ended = once(child, 'close').then(([code, signal]: (number | string | null)[]) => ({
    how: code ?? signal ?? 'unknown',
    log,
  }));
  return {
    ended,
    async stopped() {
      const end = await Promise.race([said.then(() => null), ended]);
      if (end) throw new Error(`the worker ended with ${end.how}:\n${end.log}`);
    },
    kill: (signal) => void child.kill(signal),
    resume() {
      const again = setInterval(() => child.kill('SIGCONT'), 50);
      void ended.then(() => clearInterval(again));
    },
  };
}
