import { AppError } from '../../errors.ts';
import type { LogTransaction, LogWriter, OutRecord } from '../log.ts';
import { partitionOfKey } from '../murmur2.ts';
import type { LogFile } from './file.ts';
import { findTopic, nextOffset } from './topics.ts';
import type { Topic } from './topics.ts';
import { dropTransaction, publishTransaction } from './transactions.ts';

const defaultTransactionMs = 60_000;

export interface WriterOptions {
  readonly transactionalId: string;
  readonly transactionTimeoutMs?: number;
}

/** Raises the epoch of the id: an older writer of it can commit nothing from then on. */
export function openEmbeddedWriter(file: LogFile, options: WriterOptions): LogWriter {
  const { transactionalId: id, transactionTimeoutMs = defaultTransactionMs } = options;
  const epoch = file.write(() => {
    file.run(
      `INSERT INTO writer (id, epoch) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1`,
      id,
    );
    for (const left of file.all('SELECT id FROM open_transaction WHERE writer = ?', id))
      dropTransaction(file, Number(left['id']));
    return Number(file.one('SELECT epoch FROM writer WHERE id = ?', id)?.['epoch']);
  });
  file.announceCommit();
  return new EmbeddedWriter(file, id, epoch, transactionTimeoutMs);
}

class EmbeddedWriter implements LogWriter {
  readonly #file: LogFile;
  readonly #id: string;
  readonly #epoch: number;
  readonly #timeoutMs: number;
  readonly #topics = new Map<string, Topic>();
  #open: number | null = null;
  #spoiled: AppError | null = null;

  constructor(file: LogFile, id: string, epoch: number, timeoutMs: number) {
    this.#file = file;
    this.#id = id;
    this.#epoch = epoch;
    this.#timeoutMs = timeoutMs;
  }

  async begin(): Promise<LogTransaction> {
    if (this.#spoiled) throw this.#spoiled;
    if (this.#open !== null)
      throw new AppError('LOG_WRITE_FAILED', { reason: 'a transaction is open' });
    return {
      append: async (records) =>
        this.#do(() => {
          this.#open ??= this.#begun();
          this.#append(this.#open, records);
        }, false),
      commit: async () => this.#end(publishTransaction),
      abort: async () => this.#end(dropTransaction),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = this.#open;
    this.#open = null;
    this.#spoiled ??= new AppError('LOG_WRITE_FAILED', { reason: 'the writer was closed' });
    if (open === null || this.#file.closed) return;
    this.#file.write(() => dropTransaction(this.#file, open));
    this.#file.announceCommit();
  }

  #begun(): number {
    const { lastId } = this.#file.run(
      'INSERT INTO open_transaction (writer, expires_ms) VALUES (?, ?)',
      ...[this.#id, Date.now() + this.#timeoutMs],
    );
    return lastId;
  }

  #end(how: (file: LogFile, id: number) => void): void {
    this.#do(() => {
      if (this.#open !== null) how(this.#file, this.#open);
    }, true);
    this.#open = null;
    this.#file.announceCommit();
  }

  /** Does all of the work or spoils the writer. */
  #do<T>(work: () => T, durable: boolean): T {
    if (this.#spoiled) throw this.#spoiled;
    const before = this.#open;
    try {
      return this.#file.write(() => {
        this.#requireEpoch();
        return work();
      }, durable);
    } catch (error) {
      // What was begun in here was rolled back.
      this.#open = before;
      this.#spoiled =
        error instanceof AppError
          ? error
          : new AppError('LOG_WRITE_FAILED', { file: this.#file.path }, error);
      const open = this.#open;
      if (open !== null && this.#spoiled.code !== 'LOG_FENCED' && !this.#file.closed) {
        this.#open = null;
        this.#dropQuietly(open);
      }
      throw this.#spoiled;
    }
  }

  // The fault that came first counts; what is left open is dropped by the next writer, or in its time.
  #dropQuietly(open: number): void {
    try {
      this.#file.write(() => dropTransaction(this.#file, open));
      this.#file.announceCommit();
    } catch {
      // As said above.
    }
  }

  #requireEpoch(): void {
    const row = this.#file.one('SELECT epoch FROM writer WHERE id = ?', this.#id);
    if (Number(row?.['epoch']) !== this.#epoch)
      throw new AppError('LOG_FENCED', { transactionalId: this.#id });
    if (this.#open === null) return;
    const open = this.#file.one('SELECT 1 FROM open_transaction WHERE id = ?', this.#open);
    if (open === undefined)
      throw new AppError('LOG_WRITE_FAILED', { reason: 'the transaction took too long' });
  }

  #append(id: number, records: readonly OutRecord[]): void {
    const next = new Map<string, { topic: number; partition: number; from: number; at: number }>();
    const nowMs = Date.now();
    for (const record of records) {
      const topic = this.#topic(record.topic);
      const key = bytes(record.key);
      const partition =
        record.partition ?? partitionOfKey(key ?? new Uint8Array(), topic.partitions);
      if (partition < 0 || partition >= topic.partitions)
        throw new AppError('LOG_WRITE_FAILED', { topic: record.topic, partition });
      const place = `${topic.id}/${partition}`;
      let part = next.get(place);
      if (!part) {
        const from = this.#next(topic.id, partition);
        next.set(place, (part = { topic: topic.id, partition, from, at: from }));
      }
      this.#file.run(
        `INSERT INTO record (topic, partition, offset, transaction_id, at_ms, key, value, headers)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[topic.id, partition, part.at++, id, nowMs, key, bytes(record.value)],
        record.headers === undefined ? null : JSON.stringify(record.headers),
      );
    }
    for (const { topic, partition, from, at } of next.values()) {
      this.#file.run(
        'UPDATE part SET next = ? WHERE topic = ? AND partition = ?',
        at,
        topic,
        partition,
      );
      this.#file.run(
        `INSERT INTO open_part (topic, partition, transaction_id, first) VALUES (?, ?, ?, ?)
         ON CONFLICT DO NOTHING`,
        ...[topic, partition, id, from],
      );
    }
  }

  #next(topic: number, partition: number): number {
    const next = nextOffset(this.#file, topic, partition);
    // The topic was deleted after it was looked up.
    if (next === null) throw new AppError('LOG_WRITE_FAILED', { topic, partition });
    return next;
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (topic) return topic;
    topic = findTopic(this.#file, name) ?? undefined;
    if (!topic) throw new AppError('LOG_WRITE_FAILED', { topic: name, reason: 'no such topic' });
    this.#topics.set(name, topic);
    return topic;
  }
}

const bytes = (value: string | Buffer | null): Uint8Array | null =>
  typeof value === 'string' ? Buffer.from(value) : value;
