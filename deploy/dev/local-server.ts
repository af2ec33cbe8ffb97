import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, hasEnded, launch } from './processes.ts';
import { removeFolder } from './run-folder.ts';

/** A server of our own on 127.0.0.1; disposing ends it and removes the data folder made for it. */
export type LocalServer = AsyncDisposable & {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Of the running process; another one after a restart. */
  readonly pid: number;
  readonly dir: string;
  /** Ends it and waits until it is gone. SIGKILL is what a power cut looks like to its clients. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same data and port, after a clean stop if it still runs. */
  restart(): Promise<void>;
};

export type ServerSpec = {
  readonly name: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly dir: string;
  /** Made for this server, so that it goes with it. */
  readonly ownsDir: boolean;
  readonly logFile: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Arguments of the first start only. */
  readonly firstArgs?: readonly string[];
  /** Resolves to true when it serves, false when it has to be asked again. */
  readonly isReady: () => Promise<boolean>;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
};

export type Log = (text: string) => void;

const START_LIMIT_MS = 90_000;

export async function startLocalServer(spec: ServerSpec): Promise<LocalServer> {
  let child = await start(spec, [...spec.args, ...(spec.firstArgs ?? [])]);
  return {
    url: spec.url,
    host: spec.host,
    port: spec.port,
    dir: spec.dir,
    get pid() {
      return child.pid ?? 0;
    },
    stop: (signal = 'SIGTERM') => end(child, signal),
    async restart() {
      await end(child, 'SIGTERM');
      child = await start(spec, spec.args);
    },
    async [Symbol.asyncDispose]() {
      // Data that is thrown away needs no clean shutdown, and a kill cannot hang.
      await end(child, spec.ownsDir ? 'SIGKILL' : 'SIGTERM');
      if (spec.ownsDir) removeFolder(spec.dir);
    },
  };
}

async function start(spec: ServerSpec, args: readonly string[]): Promise<ChildProcess> {
  const begin = performance.now();
  const child = launch(spec.file, args, { logFile: spec.logFile, cwd: spec.dir });
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  const isReady = () => spec.isReady().catch((error: Error) => ((failure = error), false));
  while (!(await isReady())) {
    if (spec.signal?.aborted) {
      await end(child, 'SIGKILL');
      spec.signal.throwIfAborted();
    }
    const late = performance.now() - begin > START_LIMIT_MS;
    if (failure ?? (hasEnded(child) || late)) {
      await end(child, 'SIGKILL');
      const what = late ? `did not answer within ${START_LIMIT_MS / 1000} s` : 'ended at its start';
      throw new Error(`${spec.name} ${what}; its log ends with:\n${tail(spec.logFile)}`, {
        cause: failure,
      });
    }
    await sleep(50);
  }
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  spec.log(`${spec.name} answers on ${spec.host}:${spec.port} after ${seconds} s`);
  return child;
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}
