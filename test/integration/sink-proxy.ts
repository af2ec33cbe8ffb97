import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { MysqlTarget } from '../../src/platform/mysql.ts';

/** A statement as it passes: its first bytes on the wire are readable text. */
type Watch = (statement: string, link: Link) => void;

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Text of the statement that this connection sent last but one, and so on: newest last. */
  readonly sent: string[];
  /** False: what the client sends next is thrown away, with this statement. */
  forward: boolean;
  /** False: what the server answers is thrown away. */
  answer: boolean;
  /** The statement does not reach the server, which seems to answer it with this error. */
  refuse(errno: number): void;
}

/** A TCP proxy before the database that can cut or freeze connections at a chosen statement. */
export class DatabaseProxy implements AsyncDisposable {
  readonly target: MysqlTarget;
  watch: Watch = () => {};
  readonly #links = new Set<Link>();
  readonly #server;
  #frozen = false;

  private constructor(target: MysqlTarget, server: ReturnType<typeof createServer>) {
    this.target = { ...target, host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    this.#server = server;
    server.on('connection', (client) => this.#accept(client, target));
  }

  static async open(target: MysqlTarget): Promise<DatabaseProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new DatabaseProxy(target, server);
  }

  /** Nothing passes any more, and nobody is told: as when the process is stopped or the network is cut. */
  freeze(): void {
    this.#frozen = true;
    for (const link of this.#links) {
      link.client.pause();
      link.server.pause();
    }
    this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket, target: MysqlTarget): void {
    const server = connect(target.port, target.host);
    const link: Link = {
      client,
      server,
      sent: [],
      forward: true,
      answer: true,
      refuse: (errno) => {
        refused = true;
        client.write(errorPacket(errno));
      },
    };
    let refused = false;
    this.#links.add(link);
    client.on('data', (data) => {
      // MySQL has the number of query attributes before the text, and that they come once.
      const statement = data.subarray(data[5] === 0 ? 7 : 5).toString('latin1');
      link.sent.push(statement);
      this.watch(statement, link);
      if (link.forward && !refused) server.write(data);
      refused = false;
    });
    server.on('data', (data) => link.answer && client.write(data));
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('close', () => this.#frozen || to.destroy());
      from.on('error', () => {}); // a cut connection is what these tests are about
    }
  }
}

/** @see https://mariadb.com/docs/server/reference/clientserver-protocol/4-server-response-packets/err_packet */
function errorPacket(errno: number): Buffer {
  const message = Buffer.from('#HY000made by a test');
  const packet = Buffer.alloc(7);
  packet.writeUIntLE(3 + message.length, 0, 3);
  packet.writeUInt8(1, 3); // the answer follows the statement
  packet.writeUInt8(0xff, 4);
  packet.writeUInt16LE(errno, 5);
  return Buffer.concat([packet, message]);
}
