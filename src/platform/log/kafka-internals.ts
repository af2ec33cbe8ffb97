import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';

/*
 * What this adapter uses of kafkajs below its public surface; the version is pinned.
 * Its consumer is not fit for reading: it shows aborted records when a fetch starts inside two
 * aborted transactions, and stops for good at a batch that compaction emptied. Its producer
 * drops messages for an unknown partition without a word, may send a batch twice when a leader
 * moves, and copies every partition's list once a message. So batches are read and written here;
 * connections, authentication, metadata and group membership are left to kafkajs.
 */

export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  getNodeIds(): number[];
  findBroker(node: { nodeId: number }): Promise<Broker>;
  findGroupCoordinator(group: { groupId: string; coordinatorType: number }): Promise<Broker>;
  /** Of these topics, for an empty list of all that we may see. */
  metadata(request: { topics: string[] }): Promise<{ topicMetadata: TopicMetadata[] }>;
}

export interface TopicMetadata {
  readonly topic: string;
  readonly isInternal: boolean;
  readonly partitionMetadata: { partitionId: number; leader: number }[];
}

export interface Broker {
  readonly nodeId: number;
  /** By API key. */
  readonly versions: Readonly<Record<number, unknown>>;
  readonly connectionPool: {
    readonly host: string;
    readonly port: number;
    send(exchange: Exchange): Promise<unknown>;
  };
  initProducerId(request: {
    transactionalId: string;
    transactionTimeout: number;
  }): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(
    request: Producer & { topics: { topic: string; partitions: number[] }[] },
  ): Promise<unknown>;
  listOffsets(request: {
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[];
  }): Promise<{
    /** Offsets as decimal strings; the end is that of open transactions too, unless READ_COMMITTED. */
    responses: { topic: string; partitions: { partition: number; offset: string }[] }[];
  }>;
  endTxn(request: Producer & { transactionResult: boolean }): Promise<unknown>;
}

export interface Producer {
  readonly transactionalId: string;
  readonly producerId: string;
  readonly producerEpoch: number;
}

/** One request and how its answer is read. */
export interface Exchange {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    /** kafkajs copies `buffer` behind the header; it tests that `buf` is one. */
    encode(): Promise<{ buf: Buffer; buffer: Buffer }>;
  };
  readonly response: {
    decode(payload: Buffer): Promise<unknown>;
    parse(decoded: unknown): Promise<unknown>;
  };
}

export const TRANSACTION_COORDINATOR = 1;
export const READ_UNCOMMITTED = 0;
export const READ_COMMITTED = 1;
const METADATA_MAX_AGE_MS = 300_000;

/** A connection pool with the settings of `kafka`. */
export function createCluster(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create: unknown = symbol && Reflect.get(kafka, symbol);
  if (typeof create !== 'function') throw new Error('this is not kafkajs 2.2.4');
  return create({
    metadataMaxAge: METADATA_MAX_AGE_MS,
    allowAutoTopicCreation: false,
    isolationLevel: READ_UNCOMMITTED,
  }) as Cluster;
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

let quiet = false;

/**
 * Stops a timer of 1 ms that kafkajs keeps going on each connection after its first answer, though
 * nothing waits. (Its delay is negative, of which Node 24 warns.)
 */
export function quietRequestQueues(): void {
  if (quiet) return;
  quiet = true;
  const load = createRequire(import.meta.url);
  const { prototype } = load('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function () {
    const throttled = this.throttledUntil > Date.now();
    if (this.pending.length > 0 || throttled) schedule.call(this);
  };
}
