import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const FIRST = 20_000;
const COUNT = 12_000;

/**
 * Finds a free port on 127.0.0.1, below the range from which the kernel takes ports for outgoing
 * connections: there a server that is restarted could find its port taken by a mere client.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port found between ${FIRST} and ${FIRST + COUNT}`);
}

/** Tells whether something accepts connections there within `timeoutMs`. */
export async function answers(host: string, port: number, timeoutMs = 3000): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
