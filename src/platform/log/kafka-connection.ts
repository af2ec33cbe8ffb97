import { setTimeout } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { AppError } from '../errors.ts';
import type { KafkaClient } from './kafka-client.ts';
import { refusal, unreachable } from './kafka-errors.ts';
import type { Cluster } from './kafka-internals.ts';
import { withTimeLimit } from '../time-limit.ts';

const PATIENCE_MS = 10_000;
/** A broker that just started does not know its users yet. */
const REFUSED_MS = 2000;
const DISPOSE_MS = 2000;

interface Connected {
  readonly client: KafkaClient;
  readonly cluster: Cluster;
  readonly admin: Admin;
}

/** The connection for short questions: made when it is needed, made anew after any trouble. */
export class KafkaConnection implements AsyncDisposable {
  readonly #open: () => KafkaClient;
  readonly #brokers: readonly string[];
  readonly #closing = new AbortController();
  #connected: Promise<Connected> | null = null;

  constructor(open: () => KafkaClient, brokers: readonly string[]) {
    this.#open = open;
    this.#brokers = brokers;
  }

  /**
   * Asks until there is an answer.
   *
   * @param signal Ends the wait.
   * @throws an AppError of `ask`; LOG_ACCESS_DENIED, LOG_TLS_FAILED for a refusal that
   *   lasts 2 s; LOG_UNREACHABLE for any other error that lasts 10 s.
   */
  async ask<T>(ask: (io: Connected) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const signals = [AbortSignal.timeout(PATIENCE_MS), this.#closing.signal];
    const end = AbortSignal.any(signal ? [...signals, signal] : signals);
    const startMs = performance.now();
    let fault: unknown;
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 500)) {
      const connected = (this.#connected ??= this.#connect());
      try {
        return await unlessAborted(end, connected.then(ask));
      } catch (error) {
        if (error instanceof AppError) throw error;
        if (this.#connected === connected) this.#connected = null;
        disconnect(connected).catch(() => undefined);
        if (end.aborted) throw unreachable(this.#brokers, fault ?? error);
        if (refusal(error) && performance.now() - startMs > REFUSED_MS)
          throw unreachable(this.#brokers, error);
        fault = error;
        await setTimeout(pauseMs, undefined, { signal: end }).catch(() => undefined);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const connected = this.#connected;
    this.#connected = null;
    if (connected) await disconnect(connected).catch(() => undefined);
  }

  async #connect(): Promise<Connected> {
    const client = this.#open();
    const cluster = client.cluster();
    const admin = client.kafka.admin();
    try {
      await Promise.all([cluster.connect(), admin.connect()]);
      return { client, cluster, admin };
    } catch (error) {
      client.close();
      throw error;
    }
  }
}

async function disconnect(connected: Promise<Connected>): Promise<void> {
  const { client, cluster, admin } = await connected;
  const ended = Promise.all([cluster.disconnect(), admin.disconnect()]);
  await withTimeLimit(DISPOSE_MS, ended).catch(() => undefined);
  client.close();
}

async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(new Error('no broker has answered in time'));
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
