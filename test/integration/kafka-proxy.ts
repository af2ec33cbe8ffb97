import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/**
 * What becomes of a request: it passes; it is lost with the connection; it passes and its answer is lost;
 * or (Produce only) it passes and its answer is turned into an error.
 */
type Fate = 'pass' | 'lose' | 'lose answer' | { readonly errorCode: number };

/** A TCP proxy before a listener of a broker, which decides about each request by its API key. */
export class KafkaProxy implements AsyncDisposable {
  readonly port: number;
  fate: (apiKey: number) => Fate = () => 'pass';
  readonly #server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: ReturnType<typeof createServer>, target: () => number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.#accept(client, target()));
  }

  /** @param target Port of the listener; asked when a client comes. */
  static async open(target: () => number): Promise<KafkaProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new KafkaProxy(server, target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket, port: number): void {
    const server = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {}); // a cut connection is what these tests are about
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    let waiting = Buffer.alloc(0);
    let answers = true;
    const errors = new Map<number, number>();
    client.on('data', (data: Buffer) => {
      waiting = Buffer.concat([waiting, data]);
      // A request: its length, then its API key.
      while (waiting.length >= 6 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const end = 4 + waiting.readInt32BE(0);
        const fate = this.fate(waiting.readInt16BE(4));
        if (fate === 'lose') return void client.destroy();
        if (fate === 'lose answer') answers = false;
        // After the API key and its version comes the number that the answer has as well.
        if (typeof fate === 'object') errors.set(waiting.readInt32BE(8), fate.errorCode);
        server.write(waiting.subarray(0, end));
        waiting = waiting.subarray(end);
      }
    });
    server.on('data', (data: Buffer) => {
      if (!answers) return void client.destroy();
      const errorCode = errors.get(data.readInt32BE(4));
      if (errorCode !== undefined) spoilProduced(data, errorCode);
      client.write(data);
    });
  }
}

/**
 * Gives the first partition of an answer to Produce an error.
 * @see Apache Kafka protocol guide, "Produce API (Key: 0)", responses up to version 8.
 */
function spoilProduced(answer: Buffer, errorCode: number): void {
  const topics = 8;
  const name = topics + 4;
  const partitions = name + 2 + answer.readInt16BE(name);
  const first = partitions + 4;
  answer.writeInt16BE(errorCode, first + 4);
}
