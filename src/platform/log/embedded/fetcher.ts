import { AppError } from '../../errors.ts';
import type { LogBatch, LogRecord } from '../log.ts';
import type { Fetcher } from '../partition-fetcher.ts';
import type { LogFile, Row } from './file.ts';
import { findTopic, nextOffset } from './topics.ts';
import type { Topic } from './topics.ts';
import { dropExpired } from './transactions.ts';

const batchBytes = 1024 * 1024;
const batchRecords = 5000;
/** How often another process's commits are looked for, ms. */
const lookEveryMs = 25;

type Want = Parameters<Fetcher['fetch']>[0][number];

/** Reads committed records of partitions of one topic, up to the first open transaction. */
export class EmbeddedFetcher implements Fetcher {
  readonly #file: LogFile;
  readonly #topic: string;
  #closed = false;
  #wake: () => void = () => {};

  constructor(file: LogFile, topic: string) {
    this.#file = file;
    this.#topic = topic;
  }

  get closed(): boolean {
    return this.#closed || this.#file.closed;
  }

  /** @throws LOG_OFFSET_MISSING */
  async fetch(wants: readonly Want[], waitMs: number): Promise<LogBatch[]> {
    const until = performance.now() + waitMs;
    for (;;) {
      if (this.closed) return [];
      const version = this.#file.version();
      const topic = findTopic(this.#file, this.#topic);
      const batches = wants.flatMap((want) => this.#read(topic, want) ?? []);
      if (batches.length > 0 || performance.now() >= until) {
        // Never a fetch that ends before others had their turn.
        await new Promise((resolve) => setImmediate(resolve));
        return this.closed ? [] : batches;
      }
      dropExpired(this.#file, Date.now());
      await this.#change(version, until);
    }
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #read(topic: Topic | null, { partition, from }: Want): LogBatch | null {
    const end = topic && nextOffset(this.#file, topic.id, partition);
    if (topic === null || end === null || from < 0 || from > end) {
      const range = end === null ? {} : { earliest: 0, next: end };
      throw new AppError('LOG_OFFSET_MISSING', { topic: this.#topic, from, ...range, partition });
    }
    const open = this.#file.one(
      'SELECT MIN(first) AS first FROM open_part WHERE topic = ? AND partition = ?',
      ...[topic.id, partition],
    );
    const stable = Number(open?.['first'] ?? end);
    if (from >= stable) return null;
    const records: LogRecord[] = [];
    let room = batchBytes;
    const rows = this.#file.iterate(
      `SELECT offset, at_ms, key, value, headers FROM record
       WHERE topic = ? AND partition = ? AND offset >= ? AND offset < ? ORDER BY offset LIMIT ?`,
      ...[topic.id, partition, from, stable, batchRecords],
    );
    for (const row of rows) {
      const record = recordOf(row);
      records.push(record);
      room -= (record.value?.length ?? 0) + (record.key?.length ?? 0) + 40;
      if (room <= 0) break;
    }
    const full = room <= 0 || records.length === batchRecords;
    const following = full ? records.at(-1)!.offset + 1 : stable;
    return {
      ...{ topic: this.#topic, partition, records },
      ...{ startOffset: from, nextOffset: following, endOffset: end },
    };
  }

  /** Resolves when something was committed, here or elsewhere, or the time is over. */
  async #change(version: number, untilMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const ended = this.#file.onCommit(resolve);
    const look = setInterval(() => {
      if (this.closed || performance.now() >= untilMs || this.#file.version() !== version)
        resolve();
    }, lookEveryMs);
    try {
      await promise;
    } finally {
      clearInterval(look);
      ended();
    }
  }
}

const recordOf = (row: Row): LogRecord => ({
  offset: Number(row['offset']),
  key: bytesOf(row['key']),
  value: bytesOf(row['value']),
  timestampMs: Number(row['at_ms']),
  headers:
    row['headers'] === null ? {} : (JSON.parse(String(row['headers'])) as LogRecord['headers']),
});

function bytesOf(value: Row[string] | undefined): Buffer | null {
  if (!(value instanceof Uint8Array)) return null;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
