import { AppError, isAppError } from '../platform/errors.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { EventLog, LogRecord } from '../platform/log/log.ts';
import { adoptedChange } from './adopted-change.ts';
import type { AdoptedChange } from './adopted-change.ts';
import type { TableLayout } from './table-layout.ts';

/** The next change of a partition, and where to go on once it has been handed over. */
export interface Head {
  readonly change: AdoptedChange;
  readonly offset: number;
  /** Rank of its table, then of its partition: order of rows that have no order in the binlog, such as a snapshot's. */
  readonly rank: number;
}

/** Reads one partition of a data topic, up to an end and to a time of processing; one batch is held at a time. */
export class AdoptPartition {
  readonly topic: string;
  readonly partition: number;
  readonly #log: EventLog;
  readonly #layout: TableLayout;
  readonly #rank: number;
  /** Everything before this offset has been handed over. */
  #next: number;

  constructor(options: {
    log: EventLog;
    topic: string;
    partition: number;
    layout: TableLayout;
    rank: number;
    next: number;
  }) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.#log = options.log;
    this.#layout = options.layout;
    this.#rank = options.rank;
    this.#next = options.next;
  }

  get next(): number {
    return this.#next;
  }

  /** A record of this partition read as a change. @throws ADOPT_UNREADABLE */
  changeAt(value: Buffer): AdoptedChange | null {
    return adoptedChange(value.toString(), this.#layout);
  }

  /** The head was handed over. */
  passed(offset: number): void {
    this.#next = offset + 1;
  }

  /**
   * The changes before `until`, and before the first that was processed at `settledMs` or later.
   *
   * @throws ADOPT_UNREADABLE with topic, partition and offset; ADOPT_GAP when the next record is gone.
   */
  async *heads(until: number, settledMs: EpochMs, signal: AbortSignal): AsyncGenerator<Head> {
    const { topic, partition } = this;
    const batches = this.#log.read({ topic, partition, from: this.#next, until, signal });
    try {
      for await (const { records, nextOffset } of batches) {
        for (const record of records) {
          const change = this.#changeOf(record);
          if (change === null) continue;
          if (change.processedMs >= settledMs) return;
          yield { change, offset: record.offset, rank: this.#rank };
        }
        // What is no change (tombstones, markers, rows that are not captured) is behind us too.
        this.#next = Math.max(this.#next, nextOffset);
      }
    } catch (error) {
      if (!isAppError(error, 'LOG_OFFSET_MISSING')) throw error;
      throw new AppError('ADOPT_GAP', { topic, partition, needed: this.#next }, error);
    }
  }

  #changeOf({ value, offset }: LogRecord): AdoptedChange | null {
    if (value === null) return null;
    try {
      return this.changeAt(value);
    } catch (error) {
      if (!isAppError(error, 'ADOPT_UNREADABLE')) throw error;
      const { topic, partition } = this;
      throw new AppError('ADOPT_UNREADABLE', { ...error.facts, topic, partition, offset });
    }
  }
}
