import { crashPoint } from '../platform/crash-points.ts';
import type { LogTransaction, LogWriter, OutRecord } from '../platform/log/log.ts';
import { withinWrite } from './within-write.ts';

/** Records are sent in pieces of about this size, so that memory stays flat within a large transaction. */
const appendBytes = 768 * 1024;
/** What a record takes in the log beside key and value: headers, offsets, lengths. */
const frameBytes = 40;

/** One log transaction at a time, filled piece by piece. Any error spoils the writer. */
export class LogBatch {
  readonly #writer: LogWriter;
  readonly #timeoutMs: number;
  #transaction: LogTransaction | null = null;
  #held: OutRecord[] = [];
  #heldBytes = 0;
  #bytes = 0;

  constructor(writer: LogWriter, timeoutMs: number) {
    this.#writer = writer;
    this.#timeoutMs = timeoutMs;
  }

  /** Bytes in the open transaction, sent or not; 0 when there is nothing to commit. */
  get bytes(): number {
    return this.#bytes;
  }

  add(records: readonly OutRecord[]): void {
    for (const record of records) {
      const bytes = frameBytes + (record.key?.length ?? 0) + (record.value?.length ?? 0);
      this.#held.push(record);
      this.#heldBytes += bytes;
      this.#bytes += bytes;
    }
  }

  /** Sends what is held once it is worth a request. */
  async sendIfLarge(): Promise<void> {
    if (this.#heldBytes >= appendBytes) await this.#send();
  }

  /** @param last Sent only when the broker has all the others: where it is, they are. */
  async commit(last: readonly OutRecord[]): Promise<void> {
    await this.#send();
    crashPoint('tail.before-position');
    this.add(last);
    await this.#send();
    crashPoint('tail.after-produce-before-commit');
    const transaction = this.#transaction;
    this.#transaction = null;
    if (transaction) await this.#limit(transaction.commit(), 'commit');
    crashPoint('tail.after-commit');
    this.#bytes = 0;
  }

  async abort(): Promise<void> {
    const transaction = this.#transaction;
    this.#transaction = null;
    this.#held = [];
    this.#heldBytes = 0;
    this.#bytes = 0;
    if (transaction) await this.#limit(transaction.abort(), 'abort');
  }

  async #send(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    let from = 0;
    for (let to = 0, bytes = 0; to < held.length; to++) {
      bytes += (held[to]!.value?.length ?? 0) + frameBytes;
      if (bytes < appendBytes && to < held.length - 1) continue;
      this.#transaction ??= await this.#limit(this.#writer.begin(), 'begin');
      await this.#limit(this.#transaction.append(held.slice(from, to + 1)), 'append');
      from = to + 1;
      bytes = 0;
    }
  }

  #limit<T>(work: Promise<T>, what: string): Promise<T> {
    return withinWrite(this.#timeoutMs, work, what);
  }
}
