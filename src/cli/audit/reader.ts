import { createConnection } from 'mysql2';
import type { Connection } from 'mysql2';
import { AppError } from '../../platform/errors.ts';
import { mysqlCode, mysqlError, mysqlOptions } from '../../platform/mysql.ts';
import type { MysqlTarget } from '../../platform/mysql.ts';

export type TableRow = Readonly<Record<string, string | number | null>>;

const batchRows = 500;

/**
 * A connection that only reads, in one snapshot. Large results come as they are read: the server waits
 * when the reader does.
 */
export class Reader implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #target: MysqlTarget;

  private constructor(connection: Connection, target: MysqlTarget) {
    this.#connection = connection;
    this.#target = target;
    connection.on('error', () => {});
  }

  /** @throws STORE_UNREACHABLE, STORE_ACCESS_DENIED */
  static async open(target: MysqlTarget): Promise<Reader> {
    const reader = new Reader(createConnection(mysqlOptions(target)), target);
    try {
      // A reader that stands still for an hour is waited for: the rest of the audit may be slow.
      await reader.rows(
        "SET SESSION net_write_timeout = 3600, time_zone = '+00:00', sql_mode = 'NO_ENGINE_SUBSTITUTION'",
      );
      await reader.rows('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await reader.rows('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
      return reader;
    } catch (error) {
      reader.#connection.destroy();
      throw error;
    }
  }

  /** A small result whole. @throws as {@link stream} */
  async rows(sql: string, values: readonly unknown[] = []): Promise<TableRow[]> {
    try {
      const [rows] = await this.#connection.promise().query(sql, [...values]);
      return Array.isArray(rows) ? (rows as TableRow[]) : [];
    } catch (cause) {
      throw this.#fault(cause);
    }
  }

  /**
   * Rows as they come, in batches for speed. One result at a time: it has to be read to its end.
   * @throws STORE_UNREACHABLE, STORE_ACCESS_DENIED, CLOUD_USAGE_MISSING
   */
  async *stream(sql: string, values: readonly unknown[] = []): AsyncGenerator<TableRow> {
    try {
      const query = this.#connection.query(sql, [...values]);
      for await (const row of query.stream({ highWaterMark: batchRows })) yield row as TableRow;
    } catch (cause) {
      throw this.#fault(cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Also in the middle of a result, after a fault.
    this.#connection.destroy();
    await Promise.resolve();
  }

  #fault(cause: unknown): unknown {
    const code = mysqlCode(cause);
    if (code === 'ER_NO_SUCH_TABLE' || code === 'ER_BAD_DB_ERROR' || code === 'ER_BAD_FIELD_ERROR')
      return new AppError('CLOUD_USAGE_MISSING', { code }, cause);
    return mysqlError(cause, this.#target, 'STORE');
  }
}
