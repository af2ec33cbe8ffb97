import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { again, elsewhere, moved, notYet } from './ask-again.ts';
import { BrokerError, errorType, unreachable, writeError } from './kafka-errors.ts';
import { findHanging, lastTransaction, requireOutcome, stillKnown } from './hanging-transaction.ts';
import type { LastTransaction } from './hanging-transaction.ts';
import type { KafkaClient } from './kafka-client.ts';
import { TRANSACTION_COORDINATOR } from './kafka-internals.ts';
import type { Broker, Cluster, Producer } from './kafka-internals.ts';
import type { LogTransaction, LogWriter, OutRecord, WriterOptions } from './log.ts';
import { partitionOfKey } from './murmur2.ts';
import { planRequests } from './plan-requests.ts';
import { produceExchange } from './produce-exchange.ts';
import type { Slice } from './produce-exchange.ts';
import { withTimeLimit } from '../time-limit.ts';

const DEFAULT_TRANSACTION_MS = 60_000;
const DISPOSE_MS = 2000;

export interface WriterIo {
  readonly client: KafkaClient;
  readonly brokers: readonly string[];
  readonly logger: Logger;
  /** How the last transaction of an id ended: kept while an attempt to take the id over failed. */
  readonly lastKnown: Map<string, LastTransaction>;
  /** Bytes that a batch of a topic may have, where it was asked for. */
  readonly limits: ReadonlyMap<string, number>;
}

/**
 * @returns once the transactional id is ours: older writers are fenced from then on, and every
 *   transaction before has its end.
 * @throws LOG_UNREACHABLE, LOG_FENCED (another opens it at the same time), LOG_WRITE_FAILED
 */
export async function openKafkaWriter(
  { client, brokers, logger, lastKnown, limits }: WriterIo,
  options: WriterOptions,
): Promise<LogWriter> {
  const { transactionalId, topicPrefix, signal } = options;
  const { transactionTimeoutMs: transactionTimeout = DEFAULT_TRANSACTION_MS } = options;
  const cluster = client.cluster();
  const giveUp = () => client.close();
  if (signal?.aborted === true) giveUp();
  signal?.addEventListener('abort', giveUp);
  try {
    await cluster.connect();
    await cluster.refreshMetadata();
    const opened = await again([...notYet, ...elsewhere, ...moved], async () => {
      const coordinator = await cluster.findGroupCoordinator({
        groupId: transactionalId,
        coordinatorType: TRANSACTION_COORDINATOR,
      });
      const seen = await lastTransaction(coordinator, transactionalId);
      const last = stillKnown(seen, lastKnown.get(transactionalId));
      if (last) lastKnown.set(transactionalId, last);
      // Taking the id over makes the coordinator forget how the last transaction ended: not before all can be asked.
      await findHanging(cluster, last?.producerId, topicPrefix);
      const id = await coordinator.initProducerId({ transactionalId, transactionTimeout });
      const producer = { transactionalId, ...id };
      if (last && last.producerId === BigInt(id.producerId))
        lastKnown.set(transactionalId, { ...last, epoch: id.producerEpoch });
      return { coordinator, producer };
    });
    const lost = client.lostTo(opened.coordinator.connectionPool);
    const last = lastKnown.get(transactionalId);
    const ended = await endHanging(cluster, { ...opened, topicPrefix }, last);
    if (ended) logger.warn({ transactionalId, ...ended }, 'hanging transaction ended');
    lastKnown.delete(transactionalId);
    return new KafkaWriter(client, cluster, { ...opened, topicPrefix, lost }, limits);
  } catch (error) {
    client.close();
    // An error of the protocol has a type, one of the connection has none.
    if (errorType(error) === undefined) throw unreachable(brokers, error);
    throw writeError(error, { transactionalId, at: 'open' });
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

interface Opened {
  readonly coordinator: Broker;
  readonly producer: Producer;
  readonly topicPrefix: string | undefined;
}

/** Writes the markers that the last transaction lacks, as one transaction of nothing else. */
async function endHanging(
  cluster: Cluster,
  { coordinator, producer, topicPrefix }: Opened,
  last: LastTransaction | undefined,
) {
  const topics = await again(moved, () =>
    findHanging(cluster, BigInt(producer.producerId), topicPrefix),
  );
  if (topics.length === 0) return undefined;
  const { transactionalId } = producer;
  const transactionResult = requireOutcome(last, { transactionalId, topics });
  await again(notYet, () => coordinator.addPartitionsToTxn({ ...producer, topics }));
  await coordinator.endTxn({ ...producer, transactionResult });
  return { topics, committed: transactionResult };
}

class KafkaWriter implements LogWriter {
  readonly #client: KafkaClient;
  readonly #cluster: Cluster;
  readonly #coordinator: Broker;
  readonly #producer: Producer;
  readonly #producerId: bigint;
  readonly #topicPrefix: string | undefined;
  /** Connections to the coordinator that had ended when every transaction before was seen to have its markers. */
  #lost: number;
  readonly #limits: ReadonlyMap<string, number>;
  /** Next sequence of each partition, by topic: the broker refuses what is sent twice or out of order. */
  readonly #sequences = new Map<string, number[]>();
  readonly #topics = new Set<string>();
  readonly #counts = new Map<string, number>();
  /** Partitions that each topic had at first: with more of them a key would move to another one. */
  readonly #firstCounts = new Map<string, number>();
  #state: 'idle' | 'open' | 'busy' | 'spoiled' = 'idle';
  /** Partitions of the open transaction. */
  #joined = new Set<string>();
  #keyless = 0;

  constructor(
    client: KafkaClient,
    cluster: Cluster,
    { coordinator, producer, topicPrefix, lost }: Opened & { readonly lost: number },
    limits: ReadonlyMap<string, number>,
  ) {
    this.#limits = limits;
    this.#client = client;
    this.#cluster = cluster;
    this.#coordinator = coordinator;
    this.#producer = producer;
    this.#producerId = BigInt(producer.producerId);
    this.#topicPrefix = topicPrefix;
    this.#lost = lost;
  }

  async begin(): Promise<LogTransaction> {
    if (this.#state !== 'idle') throw this.#unusable();
    this.#state = 'open';
    let ended = false;
    const during = (at: string, work: () => Promise<void>, facts = {}) => {
      if (ended) throw this.#unusable();
      if (at !== 'append') ended = true;
      return this.#guard(at, work, facts);
    };
    return {
      append: async (records) => during('append', () => this.#append(records)),
      // Whether it took effect cannot be known from an error: the log tells.
      commit: async () => during('commit', () => this.#end(true), { outcome: 'unknown' }),
      abort: async () => during('abort', () => this.#end(false)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = this.#state === 'open';
    this.#state = 'spoiled';
    // Else readers wait behind it until the next writer or the broker's timeout ends it.
    if (open) await withTimeLimit(DISPOSE_MS, this.#end(false)).catch(() => undefined);
    await withTimeLimit(DISPOSE_MS, this.#cluster.disconnect()).catch(() => undefined);
    this.#client.close();
  }

  async #guard(at: string, work: () => Promise<void>, facts: object): Promise<void> {
    if (this.#state !== 'open') throw this.#unusable();
    this.#state = 'busy';
    try {
      await work();
      if (this.#state === 'busy') this.#state = at === 'append' ? 'open' : 'idle';
    } catch (error) {
      this.#state = 'spoiled';
      throw writeError(error, { transactionalId: this.#producer.transactionalId, at, ...facts });
    }
  }

  #unusable(): AppError {
    const { transactionalId } = this.#producer;
    return new AppError('LOG_WRITE_FAILED', {
      transactionalId,
      reason: `writer is ${this.#state}`,
    });
  }

  async #append(records: readonly OutRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#learn(records);
    const partitionOf = (record: OutRecord) => this.#partitionOf(record);
    for (const slices of planRequests(records, partitionOf, this.#limits)) {
      // Before it joins the transaction: the marker that aborts it would also decide about what an earlier
      // one may have left in a partition that had no leader.
      const byLeader = Map.groupBy(slices, (slice) => this.#leaderOf(slice));
      await this.#join(slices);
      await Promise.all([...byLeader].map(([nodeId, list]) => this.#send(nodeId, list)));
    }
  }

  /** Metadata of topics that are new to this writer; that of the others is renewed by age. */
  async #learn(records: readonly OutRecord[]): Promise<void> {
    const fresh = new Set<string>();
    for (const { topic } of records) if (!this.#topics.has(topic)) fresh.add(topic);
    if (fresh.size > 0) await this.#cluster.addMultipleTargetTopics([...fresh]);
    for (const topic of fresh) this.#topics.add(topic);
    await this.#cluster.refreshMetadataIfNecessary();
    this.#counts.clear();
  }

  #partitionOf({ topic, partition, key }: OutRecord): number {
    let count = this.#counts.get(topic);
    if (count === undefined) {
      count = this.#cluster.findTopicPartitionMetadata(topic).length;
      if (count === 0) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION');
      const was = this.#firstCounts.get(topic) ?? count;
      this.#firstCounts.set(topic, was);
      if (was !== count)
        throw new AppError('LOG_TOPIC_MISMATCH', { topic, partitions: count, was });
      this.#counts.set(topic, count);
    }
    if (partition === null) {
      if (key === null) return this.#keyless++ % count;
      return partitionOfKey(typeof key === 'string' ? Buffer.from(key) : key, count);
    }
    if (partition >= 0 && partition < count) return partition;
    throw new AppError('LOG_WRITE_FAILED', { topic, partition, reason: `there are ${count}` });
  }

  #leaderOf({ topic, partition }: Slice): number {
    const partitions = this.#cluster.findTopicPartitionMetadata(topic);
    const leader = partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? -1;
    if (leader < 0) throw new BrokerError('LEADER_NOT_AVAILABLE');
    return leader;
  }

  /** Tells the coordinator of partitions that are new to the transaction. */
  async #join(slices: readonly Slice[]): Promise<void> {
    const fresh = slices.filter((slice) => !this.#joined.has(nameOf(slice)));
    if (fresh.length === 0) return;
    const byTopic = Map.groupBy(fresh, ({ topic }) => topic);
    const topics = [...byTopic].map(([topic, list]) => ({
      topic,
      partitions: list.map(({ partition }) => partition),
    }));
    if (this.#joined.size === 0) await this.#requireEnd();
    // Before the request: if its answer is lost, the transaction may be open all the same.
    for (const slice of fresh) this.#joined.add(nameOf(slice));
    // The markers of the transaction before may still be on their way.
    await again(notYet, () => this.#coordinator.addPartitionsToTxn({ ...this.#producer, topics }));
  }

  /**
   * A coordinator that was started again, or another one, may have left out a marker of the transaction before,
   * although it acknowledged it: an abort of the next one would undo it there.
   */
  async #requireEnd(): Promise<void> {
    const lost = this.#client.lostTo(this.#coordinator.connectionPool);
    if (lost === this.#lost) return;
    const topics = await findHanging(this.#cluster, this.#producerId, this.#topicPrefix);
    if (topics.length > 0)
      throw new AppError('LOG_WRITE_FAILED', {
        transactionalId: this.#producer.transactionalId,
        reason: 'the coordinator was lost before all of the last transaction had its end',
        topics,
      });
    this.#lost = lost;
  }

  async #send(nodeId: number, slices: readonly Slice[]): Promise<void> {
    const broker = await this.#cluster.findBroker({ nodeId });
    const numbered = slices.map((slice) => ({ ...slice, firstSequence: this.#take(slice) }));
    const exchange = produceExchange({
      transactionalId: this.#producer.transactionalId,
      producerId: this.#producerId,
      producerEpoch: this.#producer.producerEpoch,
      slices: numbered,
      nowMs: Date.now(),
    });
    // Never sent a second time: after an error the whole writer is replaced.
    await broker.connectionPool.send(exchange);
  }

  #take({ topic, partition, records }: Slice): number {
    let sequences = this.#sequences.get(topic);
    if (!sequences) this.#sequences.set(topic, (sequences = []));
    const first = sequences[partition] ?? 0;
    // It goes on from 0 after 2^31 - 1.
    sequences[partition] = (first + records.length) % 2 ** 31;
    return first;
  }

  async #end(commit: boolean): Promise<void> {
    if (this.#joined.size === 0) return;
    await this.#coordinator.endTxn({ ...this.#producer, transactionResult: commit });
    this.#joined = new Set();
  }
}

const nameOf = ({ topic, partition }: Slice) => `${topic}/${partition}`;
