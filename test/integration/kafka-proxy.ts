import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/**
 * What becomes of a request: it passes; it is lost with the connection; it passes and its answer is lost;
 * or it passes and its answer is turned into an error, for Produce of its first partition, for Metadata and
 * ListOffsets of a topic that is unknown; or (Metadata) lacks the topic's last partition.
 */
type Fate = 'pass' | 'lose' | 'lose answer' | { readonly errorCode: number } | SpoiltTopic;

interface SpoiltTopic {
  readonly topic: string;
  readonly as: 'unknown' | 'cut';
}

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
    const spoilt = new Map<number, (answer: Buffer) => void>();
    client.on('data', (data: Buffer) => {
      waiting = Buffer.concat([waiting, data]);
      // A request: its length, then its API key.
      while (waiting.length >= 6 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const end = 4 + waiting.readInt32BE(0);
        const apiKey = waiting.readInt16BE(4);
        const fate = this.fate(apiKey);
        if (fate === 'lose') return void client.destroy();
        if (fate === 'lose answer') answers = false;
        // After the API key and its version comes the number that the answer has as well.
        if (typeof fate === 'object')
          spoilt.set(waiting.readInt32BE(8), (answer) =>
            'topic' in fate
              ? spoilTopic(answer, apiKey, fate)
              : spoilProduced(answer, fate.errorCode),
          );
        server.write(waiting.subarray(0, end));
        waiting = waiting.subarray(end);
      }
    });
    server.on('data', (data: Buffer) => {
      if (!answers) return void client.destroy();
      spoilt.get(data.readInt32BE(4))?.(data);
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

/** UNKNOWN_TOPIC_OR_PARTITION */
const unknown = 3;
const METADATA = 3;

/**
 * @see Apache Kafka protocol guide, "Metadata API (Key: 3)", responses up to version 8, and "ListOffsets API
 *   (Key: 2)", up to version 3.
 */
function spoilTopic(answer: Buffer, apiKey: number, { topic, as }: SpoiltTopic): void {
  const name = Buffer.concat([Buffer.alloc(2), Buffer.from(topic)]);
  name.writeInt16BE(topic.length);
  const at = answer.indexOf(name);
  if (at === -1) return;
  const after = at + name.length;
  if (apiKey !== METADATA) answer.writeInt16BE(unknown, after + 8);
  else if (as === 'unknown') answer.writeInt16BE(unknown, at - 2);
  // What follows is not read when it is the only topic.
  else if (answer.readInt32BE(at - 6) === 1)
    answer.writeInt32BE(answer.readInt32BE(after + 1) - 1, after + 1);
}
