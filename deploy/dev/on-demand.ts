import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { dockerAnswers, startMysqlContainer } from './docker.ts';
import { fetchMysql } from './mysql-programs.ts';
import { startMysql } from './mysql.ts';
import { answers } from './ports.ts';
import { say, step } from './say.ts';

/** Name of the socket's path in the environment of commands that may ask. */
export const ON_DEMAND = 'USAGESTREAM_ON_DEMAND';

type Answer = { readonly url: string } | { readonly why: string };

/**
 * Starts a MySQL when the first test asks for one, by connecting to a socket; later ones get the same.
 * Where it comes from: USAGESTREAM_MYSQL_URL, else Docker, else Debian's packages.
 *
 * @param folder of the run; the socket and the server's data lie there.
 */
export async function offerMysql(
  folder: string,
  signal: AbortSignal,
): Promise<AsyncDisposable & { readonly socket: string }> {
  const started = new AsyncDisposableStack();
  const ending = new AbortController();
  const all = AbortSignal.any([signal, ending.signal]);
  let answer: Promise<Answer> | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    answer ??= find(started, all).catch((error: unknown) => ({
      why: error instanceof Error ? error.message : String(error),
    }));
    void answer.then((found) => socket.end(JSON.stringify(found)));
  });
  const socket = join(folder, 'mysql.sock');
  await listen(server, socket);
  return {
    socket,
    async [Symbol.asyncDispose]() {
      ending.abort();
      for (const each of sockets) each.destroy();
      server.close();
      await answer;
      await started.disposeAsync();
    },
  };
}

async function find(started: AsyncDisposableStack, signal: AbortSignal): Promise<Answer> {
  const given = process.env['USAGESTREAM_MYSQL_URL'];
  if (given) {
    const { hostname, port } = new URL(given);
    if (await answers(hostname, Number(port || 3306))) return { url: given };
    return { why: `USAGESTREAM_MYSQL_URL: nothing answers on ${hostname}:${port || 3306}` };
  }
  if (process.env['USAGESTREAM_SERVERS'] !== 'local' && dockerAnswers()) {
    const run = () => step('starting MySQL in Docker', startMysqlContainer);
    return { url: started.use(await run()).address };
  }
  const programs = await fetchMysql(signal);
  if ('why' in programs) return programs;
  const options = { programs: programs.folder, log: say, signal };
  return { url: started.use(await startMysql(options)).url };
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
}
