import type { Stream } from '../../contracts/stream.ts';
import { GroupFeed } from './group-feed.ts';
import type { LastTransaction } from './hanging-transaction.ts';
import { createKafkaClient } from './kafka-client.ts';
import type { KafkaClient, KafkaOptions } from './kafka-client.ts';
import { KafkaConnection } from './kafka-connection.ts';
import { quietRequestQueues } from './kafka-internals.ts';
import { joinKafkaGroup } from './kafka-member.ts';
import {
  deleteKafkaTopics,
  describeKafkaTopics,
  ensureKafkaTopics,
  readRecordLimits,
} from './kafka-topics.ts';
import { openKafkaWriter } from './kafka-writer.ts';
import { KnownTopics } from './known-topics.ts';
import type {
  EventLog,
  GroupMember,
  LogBatch,
  LogWriter,
  OpenTransaction,
  PartitionOffsets,
  TopicFacts,
  WriterOptions,
} from './log.ts';
import { listLeaderlessTopics } from './leaderless-topics.ts';
import { openTransactions } from './open-transactions.ts';
import { PartitionFetcher } from './partition-fetcher.ts';
import { readPartition } from './read-partition.ts';

export type { KafkaOptions, KafkaSasl, KafkaTls } from './kafka-client.ts';

/**
 * The log port over Kafka (brokers 2.4 and newer).
 *
 * @throws LOG_UNREACHABLE when no broker answers within about 10 s, or the signal aborts before.
 */
export async function openKafkaLog(options: KafkaOptions): Promise<EventLog> {
  quietRequestQueues();
  listLeaderlessTopics();
  const log = new KafkaLog(options);
  try {
    await log.connect(options.signal);
    return log;
  } catch (error) {
    await log[Symbol.asyncDispose]();
    throw error;
  }
}

class KafkaLog implements EventLog {
  readonly #options: KafkaOptions;
  readonly #connection: KafkaConnection;
  readonly #members = new Set<GroupMember>();
  readonly #writers = new Set<LogWriter>();
  readonly #fetchers = new Set<PartitionFetcher>();
  /** Of topics that were asked for. */
  readonly #limits = new Map<string, number>();
  readonly #topics = new KnownTopics();
  readonly #lastKnown = new Map<string, LastTransaction>();
  #opened = 0;
  readonly #end = new AbortController();

  constructor(options: KafkaOptions) {
    this.#options = options;
    this.#connection = new KafkaConnection(this.#open, options.brokers);
  }

  // Each begins with another broker: what one does not know, or not yet, the next may.
  readonly #open = (): KafkaClient => {
    const { brokers } = this.#options;
    const first = this.#opened++ % brokers.length;
    const rotated = [...brokers.slice(first), ...brokers.slice(0, first)];
    return createKafkaClient({ ...this.#options, brokers: rotated });
  };

  async connect(signal: AbortSignal | undefined): Promise<void> {
    await this.#connection.ask(({ cluster }) => cluster.refreshMetadata(), signal);
  }

  async ensureTopics(
    prefix: string,
    streams: readonly Stream[],
    feedPartitions: number,
  ): Promise<void> {
    await this.#connection.ask(({ admin }) =>
      ensureKafkaTopics(admin, this.#options.logger, prefix, streams, feedPartitions),
    );
    this.#topics.made(streams.map((stream) => stream.topic(prefix)));
  }

  async describeTopics(topics: readonly string[]): Promise<readonly TopicFacts[]> {
    return this.#connection.ask(({ admin }) => describeKafkaTopics(admin, topics));
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await this.#connection.ask(({ admin }) => deleteKafkaTopics(admin, topics));
  }

  async offsets(topic: string): Promise<readonly PartitionOffsets[]> {
    const askedMs = performance.now();
    return this.#connection.ask((io) => this.#topics.offsets(io, topic, askedMs));
  }

  async recordLimits(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const limits = await this.#connection.ask(({ admin }) => readRecordLimits(admin, topics));
    for (const [topic, bytes] of limits) this.#limits.set(topic, bytes);
    return limits;
  }

  async openTransactions(topic: string): Promise<readonly OpenTransaction[]> {
    return this.#connection.ask(({ cluster }) => openTransactions(cluster, topic));
  }

  async writer(options: WriterOptions): Promise<LogWriter> {
    const { brokers, logger } = this.#options;
    const kept = { lastKnown: this.#lastKnown, limits: this.#limits };
    const io = { client: this.#open(), brokers, logger, ...kept };
    const ends = [this.#end.signal, ...(options.signal ? [options.signal] : [])];
    const writer = await openKafkaWriter(io, { ...options, signal: AbortSignal.any(ends) });
    return keepUntilDisposed(this.#writers, writer);
  }

  async *read(options: {
    topic: string;
    partition: number;
    from: number;
    until?: number;
    signal: AbortSignal;
  }): AsyncGenerator<LogBatch, void, undefined> {
    const fetcher = this.#fetcher(options.topic);
    this.#fetchers.add(fetcher);
    try {
      yield* readPartition(fetcher, options);
    } finally {
      this.#fetchers.delete(fetcher);
    }
  }

  async join(options: Parameters<EventLog['join']>[0]): Promise<GroupMember> {
    const { handler, topic, concurrency = 1 } = options;
    const feed = new GroupFeed({ handler, concurrency, openFetcher: () => this.#fetcher(topic) });
    const { brokers, logger } = this.#options;
    const member = await joinKafkaGroup(this.#open(), feed, { ...options, brokers, logger });
    return keepUntilDisposed(this.#members, member);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    for (const fetcher of this.#fetchers) fetcher.close();
    const parts = [...this.#members, ...this.#writers, this.#connection];
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
  }

  #fetcher(topic: string): PartitionFetcher {
    const { brokers, logger } = this.#options;
    return new PartitionFetcher({ topic, open: this.#open, brokers, logger });
  }
}

/** Those that are not disposed by their users are disposed with the log. */
function keepUntilDisposed<T extends AsyncDisposable>(all: Set<T>, part: T): T {
  const dispose = part[Symbol.asyncDispose].bind(part);
  part[Symbol.asyncDispose] = async () => {
    all.delete(part);
    await dispose();
  };
  all.add(part);
  return part;
}
