import { join } from 'node:path';
import type { Stream } from '../../../contracts/stream.ts';
import type { Logger } from '../../logger.ts';
import { GroupFeed } from '../group-feed.ts';
import type {
  EventLog,
  GroupMember,
  LogBatch,
  LogWriter,
  PartitionOffsets,
  TopicFacts,
} from '../log.ts';
import { readPartition } from '../read-partition.ts';
import { EmbeddedFetcher } from './fetcher.ts';
import { LogFile } from './file.ts';
import { joinEmbeddedGroup } from './member.ts';
import { deleteTopics, describeTopics, ensureTopics, readOffsets } from './topics.ts';
import { openEmbeddedWriter } from './writer.ts';

/**
 * The log port over one SQLite file, for small clouds without Kafka (docs/embedded-log.md). Processes
 * of one machine may share it.
 *
 * @throws LOG_UNREACHABLE when the file cannot be opened.
 */
export async function openEmbeddedLog(options: {
  readonly file: string;
  readonly logger: Logger;
}): Promise<EventLog> {
  return new EmbeddedLog(new LogFile(join(options.file)), options.logger);
}

class EmbeddedLog implements EventLog {
  readonly #file: LogFile;
  readonly #logger: Logger;
  readonly #parts = new Set<AsyncDisposable>();
  readonly #fetchers = new Set<EmbeddedFetcher>();

  constructor(file: LogFile, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  async ensureTopics(
    prefix: string,
    streams: readonly Stream[],
    feedPartitions: number,
  ): Promise<void> {
    ensureTopics(this.#file, prefix, streams, feedPartitions);
  }

  async describeTopics(topics: readonly string[]): Promise<readonly TopicFacts[]> {
    return describeTopics(this.#file, topics);
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    deleteTopics(this.#file, topics);
  }

  async offsets(topic: string): Promise<readonly PartitionOffsets[]> {
    return readOffsets(this.#file, topic);
  }

  async writer(options: Parameters<EventLog['writer']>[0]): Promise<LogWriter> {
    const writer = openEmbeddedWriter(this.#file, options);
    this.#parts.add(writer);
    return writer;
  }

  async *read(options: Parameters<EventLog['read']>[0]): AsyncGenerator<LogBatch, void, undefined> {
    const fetcher = new EmbeddedFetcher(this.#file, options.topic);
    this.#fetchers.add(fetcher);
    try {
      yield* readPartition(fetcher, options);
    } finally {
      this.#fetchers.delete(fetcher);
    }
  }

  async join(options: Parameters<EventLog['join']>[0]): Promise<GroupMember> {
    const { handler, topic, concurrency = 1 } = options;
    const openFetcher = () => new EmbeddedFetcher(this.#file, topic);
    const feed = new GroupFeed({ handler, concurrency, openFetcher });
    const member = joinEmbeddedGroup(this.#file, feed, { ...options, logger: this.#logger });
    this.#parts.add(member);
    return member;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fetcher of this.#fetchers) fetcher.close();
    await Promise.all([...this.#parts].map((part) => part[Symbol.asyncDispose]()));
    this.#file[Symbol.dispose]();
  }
}
