import type { Stream } from '../../contracts/stream.ts';
import type { AppError } from '../errors.ts';

export interface WriterOptions {
  readonly transactionalId: string;
  readonly transactionTimeoutMs?: number;
  /**
   * All topics that this id writes begin with it: whether its last transaction has its end is asked of every
   * partition of them, which may mean to wait for a leader.
   */
  readonly topicPrefix?: string;
  /** Ends the attempt to open it, which may wait long; an open writer does not follow it. */
  readonly signal?: AbortSignal;
}

/**
 * The log port: what UsageStream needs of a partitioned, transactional, append-only log.
 * Two adapters: kafka.ts (the real one) and, later, an embedded one; one conformance suite
 * (test/integration/log-conformance.ts) holds both to this text.
 *
 * Offsets are numbers: a log of 2^53 records is out of reach; adapters refuse more.
 */
export interface EventLog extends AsyncDisposable {
  /** Creates missing topics as their streams say. @throws LOG_TOPIC_MISMATCH when one exists otherwise. */
  ensureTopics(prefix: string, streams: readonly Stream[], feedPartitions: number): Promise<void>;

  /** How those of the topics that exist are set up. */
  describeTopics(topics: readonly string[]): Promise<readonly TopicFacts[]>;

  /** Deletes the topics that exist; unknown names are passed over. For the demo and the tests. */
  deleteTopics(topics: readonly string[]): Promise<void>;

  /**
   * First and next offset of each partition; empty when the topic does not exist, which is never one
   * broker's word alone. Whatever was acknowledged before is below `next`; reading up to it may have to
   * wait for an open transaction.
   */
  offsets(topic: string): Promise<readonly PartitionOffsets[]>;

  /**
   * Bytes that one record of each of these topics may have (see recordSize); missing topics are left
   * out. An adapter without limits has no such method. What it finds holds for writers opened later.
   */
  recordLimits?(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /**
   * Transactions that hold back the end of a topic from readers of committed records, for alarms and
   * status; an adapter in which there can be none has no such method.
   */
  openTransactions?(topic: string): Promise<readonly OpenTransaction[]>;

  /** Opens a writer; an older writer of the same transactional id can commit nothing from then on. */
  writer(options: WriterOptions): Promise<LogWriter>;

  /**
   * Reads one partition from an offset, committed records only, in order and without a gap.
   * Ends when `until` (an offset) is reached, else never; ends quietly on abort.
   * @throws LOG_OFFSET_MISSING when `from` is below the first offset kept or above the next.
   */
  read(options: {
    topic: string;
    partition: number;
    from: number;
    until?: number;
    signal: AbortSignal;
  }): AsyncIterable<LogBatch>;

  /** Joins a consumer group on one topic; the handler is called until the member is disposed. */
  join(options: {
    group: string;
    topic: string;
    handler: GroupHandler;
    /** A member that is silent for so long loses its partitions. */
    sessionTimeoutMs?: number;
    /** How many partitions may be in `batch` at the same time; default 1. */
    concurrency?: number;
    /** Told what keeps the member out of the group, while it tries again, and null whenever it has joined. */
    onMembership?: (fault: AppError | null) => void;
  }): Promise<GroupMember>;
}

export interface TopicFacts {
  readonly topic: string;
  readonly partitions: number;
  /** Kafka's cleanup.policy. */
  readonly cleanup: string;
  readonly retentionMs: number | 'forever';
}

export interface PartitionOffsets {
  readonly partition: number;
  readonly earliest: number;
  readonly next: number;
}

export interface OpenTransaction {
  readonly partition: number;
  /** Whose it is; null where the brokers do not tell. */
  readonly transactionalId: string | null;
  readonly producerId: string;
  /** Its first record. */
  readonly startOffset: number;
  /** When it last wrote, epoch ms, by the broker's clock. */
  readonly lastMs: number;
  /** Records of the partition that nobody can read until it ends. */
  readonly held: number;
}

export interface LogRecord {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestampMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LogBatch {
  readonly topic: string;
  readonly partition: number;
  /**
   * What was asked for: the batch has all that is committed from here up to `nextOffset`. Below its first record's
   * offset where markers, aborted or compacted records come first.
   */
  readonly startOffset: number;
  /** May be empty: markers and aborted records move `nextOffset` too. */
  readonly records: readonly LogRecord[];
  /** Where to go on after this batch. */
  readonly nextOffset: number;
  /** Next offset of the partition when the batch was read: lag = endOffset - nextOffset. */
  readonly endOffset: number;
}

export interface OutRecord {
  readonly topic: string;
  /** null: by the key as the Java client does it (murmur2). */
  readonly partition: number | null;
  readonly key: string | Buffer | null;
  /** null is a tombstone. */
  readonly value: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One at a time: begin, append (as often as memory asks), commit or abort. Any error spoils the writer: throw it away. */
export interface LogWriter extends AsyncDisposable {
  begin(): Promise<LogTransaction>;
}

export interface LogTransaction {
  /** @throws LOG_FENCED a newer writer has the id; LOG_WRITE_FAILED anything else. */
  append(records: readonly OutRecord[]): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

export interface GroupHandler {
  /** New partitions are ours: says where each starts. Called before any batch of them. */
  assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Batches of one partition come one after the other, each starting where the one before ended. */
  batch(batch: LogBatch, control: BatchControl): Promise<void>;
  /** These are no longer ours (already, or very soon: the store's fence decides). */
  revoked(partitions: readonly number[]): Promise<void>;
}

export interface BatchControl {
  /** True once the partition is no longer ours: stop, commit nothing. */
  stale(): boolean;
  /** Keeps the session alive during long work. */
  heartbeat(): Promise<void>;
}

export interface GroupMember extends AsyncDisposable {
  /** Resolves when disposed; rejects when the member cannot go on (then dispose it and join again). */
  readonly done: Promise<void>;
}
