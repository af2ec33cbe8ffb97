import type { ResultSetHeader } from 'mysql2/promise';
import type { EpochMs } from '../contracts/time.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { AppError } from '../platform/errors.ts';
import type { Connection, MysqlTarget, RowDataPacket } from '../platform/mysql.ts';
import { storeFault } from '../platform/store-fault.ts';

/** Where a partition of a generation stands, as table `progress` keeps it. */
export interface Progress {
  readonly nextOffset: number;
  readonly watermarkMs: EpochMs | null;
  /** Earliest watermark or event time seen before anything was closed. */
  readonly openedMs: EpochMs | null;
  /** End of the newest closed window. */
  readonly closedUntilMs: EpochMs | null;
  /** `nextOffset` when that window was closed. */
  readonly closedOffset: number;
}

/** What reads of a store need of it; any connection to our schema will do. */
export type StoreReader = Pick<PartitionStore, 'generation' | 'rows'>;

/**
 * The connection of one partition of one generation, and its transactions. One connection a partition:
 * a successor kills it to free its locks, which must not hit the partitions that this worker keeps.
 */
export class PartitionStore {
  readonly generation: number;
  readonly partition: number;
  readonly epoch: number;
  /** UTF-16 units of a statement that surely fit a packet. */
  readonly statementLimit: number;
  /** Bytes of a binary value that, written in hexadecimal, surely fit a packet. */
  readonly maxValueBytes: number;
  /** UTF-16 units sent since begin(). */
  written = 0;
  readonly #connection: Connection;
  readonly #target: MysqlTarget;
  #cut: ((reason: string) => void) | null = null;

  constructor(options: {
    connection: Connection;
    target: MysqlTarget;
    generation: number;
    partition: number;
    epoch: number;
    maxPacketBytes: number;
  }) {
    this.#connection = options.connection;
    this.#target = options.target;
    this.generation = options.generation;
    this.partition = options.partition;
    this.epoch = options.epoch;
    this.maxValueBytes = Math.floor(options.maxPacketBytes / 4);
    this.statementLimit = Math.min(512 * 1024, Math.floor(options.maxPacketBytes / 4));
  }

  /** Rows of a query. Names of columns are as the statement says. */
  async rows<T>(sql: string): Promise<T[]> {
    return (await this.#query(sql)) as T[];
  }

  /** Runs a statement that gives no rows. */
  async run(sql: string): Promise<ResultSetHeader> {
    this.written += sql.length;
    return (await this.#query(sql)) as ResultSetHeader;
  }

  /**
   * Begins the one transaction of a batch, with the fence and the offset first. The connection is part of the
   * fence: a store that lost commits gives epochs out again, and two owners may have the same.
   * @throws SINK_FENCED when another owner has the partition or the offset is not the one in memory.
   */
  async begin(from: number, to: number): Promise<void> {
    this.written = 0;
    await this.run('START TRANSACTION');
    const { affectedRows } = await this.run(
      `UPDATE progress SET next_offset=${to}
       WHERE generation=${this.generation} AND partition_id=${this.partition}
         AND epoch=${this.epoch} AND connection_id=CONNECTION_ID() AND next_offset=${from}`,
    );
    if (affectedRows === 1) return crashPoint('aggregate.after-fence');
    await this.rollback();
    throw new AppError('SINK_FENCED', { partition: this.partition, epoch: this.epoch, from });
  }

  /** Says where the partition stands now, in the same transaction, and commits it. */
  async commit(progress: Progress): Promise<void> {
    await this.run(
      `UPDATE progress SET next_offset=${progress.nextOffset}, watermark_ms=${progress.watermarkMs},
         opened_ms=${progress.openedMs}, closed_until_ms=${progress.closedUntilMs},
         closed_offset=${progress.closedOffset}
       WHERE generation=${this.generation} AND partition_id=${this.partition}`,
    );
    crashPoint('aggregate.before-commit');
    await this.run('COMMIT');
    crashPoint('aggregate.after-db-commit-before-offset-commit');
  }

  async rollback(): Promise<void> {
    await this.run('ROLLBACK');
  }

  /** Cuts the connection; the server rolls back what is open on it. What still waits for an answer fails. */
  destroy(): void {
    this.#connection.destroy();
    this.#cut?.('the connection was cut');
  }

  /** One statement at a time. The driver would not settle a statement whose connection is destroyed. */
  #query(sql: string): Promise<RowDataPacket[] | ResultSetHeader> {
    return new Promise((resolve, reject) => {
      const cut = (reason: string) => {
        const { partition, epoch } = this;
        reject(new AppError('STORE_UNREACHABLE', { partition, epoch, reason }));
      };
      this.#cut = cut;
      // Null for values: the driver would look for placeholders in megabytes of JSON.
      this.#connection
        .query<RowDataPacket[] | ResultSetHeader>(sql, null)
        .then(
          ([result]) => resolve(result),
          (error: unknown) => reject(storeFault(error, this.#target) as Error),
        )
        .finally(() => void (this.#cut = null));
    });
  }
}
