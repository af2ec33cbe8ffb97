import { setTimeout } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { decodeCommitted } from './decode-batches.ts';
import { fetchExchange } from './fetch-exchange.ts';
import type { Fetched, FetchWant } from './fetch-exchange.ts';
import type { KafkaClient } from './kafka-client.ts';
import { BrokerError, errorType, refusal, unreachable } from './kafka-errors.ts';
import type { Cluster } from './kafka-internals.ts';
import type { LogBatch } from './log.ts';
import { readOffsets } from './read-offsets.ts';

const BYTES_EACH = 1024 * 1024;
const BYTES = 8 * 1024 * 1024;
/** How long brokers may be away before a reader gives up; a restart takes less. */
const PATIENCE_MS = 30_000;
/** A new topic, or a broker that just started, may not be known everywhere at once. */
const UNKNOWN_TOPIC_MS = 3000;
/** Nor its users. */
const REFUSED_MS = 2000;
const LONGEST_PAUSE_MS = 1000;

/** What the readers need of it. */
export type Fetcher = Pick<PartitionFetcher, 'fetch' | 'close' | 'closed'>;

/** Fetches committed records of partitions of one topic; on trouble it starts over with new connections. */
export class PartitionFetcher {
  readonly #topic: string;
  readonly #open: () => KafkaClient;
  readonly #brokers: readonly string[];
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  #connected: { client: KafkaClient; cluster: Cluster } | null = null;

  constructor(options: {
    topic: string;
    open: () => KafkaClient;
    brokers: readonly string[];
    logger: Logger;
  }) {
    this.#topic = options.topic;
    this.#open = options.open;
    this.#brokers = options.brokers;
    this.#logger = options.logger;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * One round. A partition with nothing new has no batch.
   *
   * @param wants   Each partition once.
   * @param waitMs How long a broker may wait for something new.
   * @returns [] when the fetcher was closed meanwhile.
   * @throws LOG_OFFSET_MISSING, LOG_UNREACHABLE
   */
  async fetch(wants: readonly FetchWant[], waitMs: number): Promise<LogBatch[]> {
    const startMs = performance.now();
    let warned = false;
    for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (this.closed) return [];
      try {
        return await this.#fetchOnce(wants, waitMs);
      } catch (error) {
        if (this.closed) return [];
        const failedMs = performance.now() - startMs;
        const fault = await this.#verdict(error, wants, failedMs);
        if (fault) throw fault;
        const facts = { topic: this.#topic, reason: errorType(error) ?? String(error) };
        this.#logger[warned ? 'debug' : 'warn'](facts, 'fetch failed and is tried again');
        warned = true;
        this.#disconnect();
        await setTimeout(pauseMs, undefined, { signal: this.#closing.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  /** Ends a fetch under way, at once. */
  close(): void {
    this.#closing.abort();
    this.#disconnect();
  }

  async #fetchOnce(wants: readonly FetchWant[], maxWaitMs: number): Promise<LogBatch[]> {
    const cluster = await this.#cluster();
    await cluster.refreshMetadataIfNecessary();
    const metadata = cluster.findTopicPartitionMetadata(this.#topic);
    const leaders = new Map(metadata.map((one) => [one.partitionId, one.leader]));
    const byLeader = Map.groupBy(wants, ({ partition }) => {
      const leader = leaders.get(partition);
      if (leader === undefined) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION');
      return leader;
    });
    const answers = await Promise.all(
      [...byLeader].map(async ([nodeId, ofNode]) => {
        const broker = await cluster.findBroker({ nodeId });
        const request = { topic: this.#topic, wants: ofNode, maxWaitMs };
        const exchange = fetchExchange({ ...request, maxBytesEach: BYTES_EACH, maxBytes: BYTES });
        // What fetchExchange decodes.
        return (await broker.connectionPool.send(exchange)) as Fetched[];
      }),
    );
    const from = new Map(wants.map((want) => [want.partition, want.from]));
    return answers.flat().flatMap((fetched) => {
      const start = from.get(fetched.partition);
      return start === undefined ? [] : (this.#batchOf(fetched, start) ?? []);
    });
  }

  #batchOf(fetched: Fetched, from: number): LogBatch | null {
    const { partition, bytes, aborted } = fetched;
    const { records, nextOffset } = decodeCommitted(bytes, aborted, from);
    if (nextOffset === from) return null;
    const endOffset = Math.max(nextOffset, fetched.endOffset);
    const offsets = { startOffset: from, nextOffset, endOffset };
    return { topic: this.#topic, partition, records, ...offsets };
  }

  async #cluster(): Promise<Cluster> {
    if (this.#connected) return this.#connected.cluster;
    const client = this.#open();
    const cluster = client.cluster();
    this.#connected = { client, cluster };
    await cluster.connect();
    await cluster.addMultipleTargetTopics([this.#topic]);
    return cluster;
  }

  #disconnect(): void {
    const old = this.#connected;
    this.#connected = null;
    old?.client.close();
    old?.cluster.disconnect().catch(() => undefined);
  }

  /** @returns what to throw, or null to try again. */
  async #verdict(
    error: unknown,
    wants: readonly FetchWant[],
    failedMs: number,
  ): Promise<AppError | null> {
    const type = errorType(error) ?? '';
    if (type === 'OFFSET_OUT_OF_RANGE') return this.#outOfRange(wants);
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' && failedMs > UNKNOWN_TOPIC_MS) {
      return new AppError('LOG_OFFSET_MISSING', { topic: this.#topic, wants, reason: type });
    }
    const refused = refusal(error) !== undefined && failedMs > REFUSED_MS;
    const lost = refused || type === 'UNSUPPORTED_COMPRESSION_TYPE' || failedMs > PATIENCE_MS;
    return lost ? unreachable(this.#brokers, error) : null;
  }

  async #outOfRange(wants: readonly FetchWant[]): Promise<AppError | null> {
    try {
      const offsets = await readOffsets(await this.#cluster(), this.#topic);
      for (const { partition, from } of wants) {
        const range = offsets.find((one) => one.partition === partition);
        if (range && from >= range.earliest && from <= range.next) continue;
        return new AppError('LOG_OFFSET_MISSING', {
          topic: this.#topic,
          from,
          ...range,
          partition,
        });
      }
    } catch {
      // The brokers went away meanwhile: ask again.
    }
    return null;
  }
}
