import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** What a proxied connection suffers from now on. All of it can change while bytes are under way. */
export interface Faults {
  /** Each piece is passed on so much later, ms. */
  readonly latencyMs?: number;
  /** Bytes a second, each way and connection. */
  readonly bytesPerSecond?: number;
  /** Pieces of at most so many bytes, each a packet of its own. */
  readonly sliceBytes?: number;
  /**
   * Nothing passes (or nothing to the server), and nobody is told: as when a cable is pulled. What waits goes
   * on when this ends.
   */
  readonly blackHole?: boolean | 'requests';
  /** Who connects is cut off at once. */
  readonly refuse?: boolean;
}

/** A TCP proxy before one server, whose faults are switched while it runs. */
export class FaultProxy implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #stranded = new Set<Link>();
  #faults: Faults = {};
  /** Bytes that the server's side has sent through it so far. */
  answered = 0;

  private constructor(server: Server, target: { host: string; port: number }) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    server.on('connection', (client) => {
      if (this.#faults.refuse === true) return void client.resetAndDestroy();
      const link = new Link(client, connect(target), () => this.#faults);
      link.onAnswer = (bytes) => void (this.answered += bytes);
      this.#links.add(link);
      client.once('close', () => this.#links.delete(link));
    });
  }

  /** @param port Its own; 0: any. */
  static async open(target: { host: string; port: number }, port = 0): Promise<FaultProxy> {
    // Half of a connection may end: the other half is ours to end.
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new FaultProxy(server, target);
  }

  /** Connections that are open through it. */
  get connections(): number {
    return this.#links.size;
  }

  /** Instead of whatever there was; `set({})` heals. */
  set(faults: Faults): void {
    this.#faults = faults;
    for (const link of this.#links) link.wake();
  }

  /** Cuts every connection with a TCP reset on both sides. */
  reset(): void {
    for (const link of this.#links) link.reset();
  }

  /** Ends one direction of every connection: the server hears that the client is done, or the reverse. */
  halfClose(side: 'client' | 'server'): void {
    for (const link of this.#links) link.halfClose(side);
  }

  /**
   * Every connection is dead for good, and nobody is told: nothing passes any more, not even an end. New ones
   * work. As when a firewall forgets what it let through, or the address of a server goes to another.
   */
  strand(): void {
    for (const link of this.#links) {
      link.strand();
      this.#stranded.add(link);
    }
    this.#links.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    for (const link of this.#stranded) link.reset();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** One connection: two directions that suffer the same. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #ways: readonly [Way, Way];
  onAnswer: (bytes: number) => void = () => {};
  #isStranded = false;

  constructor(client: Socket, server: Socket, faults: () => Faults) {
    this.#client = client;
    this.#server = server;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      const ended = () => this.#isStranded || this.reset();
      socket.on('error', ended).on('close', ended); // a cut connection is what this is about
    }
    server.allowHalfOpen = true;
    const swallows = (kind: Faults['blackHole']) => this.#isStranded || faults().blackHole === kind;
    this.#ways = [
      new Way(client, server, faults, () => swallows(true) || swallows('requests')),
      new Way(
        server,
        client,
        faults,
        () => swallows(true),
        (bytes) => this.onAnswer(bytes),
      ),
    ];
  }

  wake(): void {
    for (const way of this.#ways) way.wake();
  }

  reset(): void {
    for (const socket of [this.#client, this.#server])
      if (socket.connecting) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
  }

  strand(): void {
    this.#isStranded = true;
  }

  halfClose(side: 'client' | 'server'): void {
    (side === 'client' ? this.#server : this.#client).end();
  }
}

/** Bytes in one direction, in order; at most one piece is held, so that back-pressure reaches the sender. */
class Way {
  readonly #faults: () => Faults;
  readonly #isSwallowed: () => boolean;
  readonly #onPassed: (bytes: number) => void;
  #wake: () => void = () => {};

  constructor(
    from: Socket,
    to: Socket,
    faults: () => Faults,
    isSwallowed: () => boolean,
    onPassed: (bytes: number) => void = () => {},
  ) {
    this.#onPassed = onPassed;
    this.#faults = faults;
    this.#isSwallowed = isSwallowed;
    void this.#run(from, to);
  }

  wake(): void {
    this.#wake();
  }

  async #run(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from) {
        for (const piece of this.#pieces(chunk as Buffer)) {
          await this.#delay(piece.length);
          while (this.#isSwallowed() && !to.destroyed) await this.#sleep();
          if (!to.writable) return;
          this.#onPassed(piece.length);
          if (!to.write(piece)) await this.#drained(to);
        }
      }
      // The end is news, too: a black hole swallows it.
      while (this.#isSwallowed() && !to.destroyed) await this.#sleep();
      to.end();
    } catch {
      to.destroy(); // reset on either side
    }
  }

  *#pieces(chunk: Buffer): Generator<Buffer> {
    const size = this.#faults().sliceBytes ?? chunk.length;
    for (let from = 0; from < chunk.length; from += size) yield chunk.subarray(from, from + size);
  }

  async #delay(bytes: number): Promise<void> {
    const { latencyMs = 0, bytesPerSecond = Infinity } = this.#faults();
    const ms = latencyMs + (1000 * bytes) / bytesPerSecond;
    if (ms >= 1) await this.#sleep(ms);
  }

  /** Until the faults change, or for so long. */
  #sleep(ms = 1000): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #drained(to: Socket): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        to.off('drain', done).off('close', done);
        resolve();
      };
      to.on('drain', done).on('close', done);
    });
  }
}
