import type { ResultSetHeader } from 'mysql2/promise';
import { AppError } from '../../platform/errors.ts';
import { mysqlCode, mysqlError, openConnection, quoteName } from '../../platform/mysql.ts';
import type { Connection, MysqlTarget, RowDataPacket } from '../../platform/mysql.ts';

/** CloudStack's named lock around changes of the open job: no usage server starts while it is held. */
const jobLock = 'usage.job.heartbeat.check';
/** Servers take a row of usage_job over when its heartbeat is older than this. */
const liveMinutes = 5;

/** The connection that a repair writes by: one transaction, with every usage server kept away. */
export class RepairConnection implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #target: MysqlTarget;
  readonly #schema: string;

  private constructor(connection: Connection, target: MysqlTarget, schema: string) {
    this.#connection = connection;
    this.#target = target;
    this.#schema = schema;
    connection.on('error', () => {});
  }

  /** @throws REPAIR_NOT_ALONE while a usage server lives, a Java one or our own sink */
  static async open(target: MysqlTarget, schema: string): Promise<RepairConnection> {
    const connection = await openConnection(target, 'STORE');
    const repair = new RepairConnection(connection, target, schema);
    try {
      await repair.rows(
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
      );
      const [lock] = await repair.rows('SELECT GET_LOCK(?, 3) AS got', [jobLock]);
      if (Number(lock?.['got']) !== 1) throw new AppError('REPAIR_NOT_ALONE', { lock: jobLock });
      await repair.checkAlone();
      await repair.rows('START TRANSACTION');
      return repair;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** Looks only: what {@link open} would refuse. @throws REPAIR_NOT_ALONE */
  static async look(target: MysqlTarget, schema: string): Promise<void> {
    await using _opened = await RepairConnection.open(target, schema);
  }

  /** @throws REPAIR_NOT_ALONE */
  async checkAlone(): Promise<void> {
    const [server] = await this.rows(
      `SELECT host, pid, heartbeat FROM ${quoteName(this.#schema, 'usage_job')}
       WHERE end_millis = 0 AND success IS NULL
         AND heartbeat > UTC_TIMESTAMP() - INTERVAL ${liveMinutes} MINUTE
       ORDER BY id DESC LIMIT 1`,
    );
    if (server)
      throw new AppError('REPAIR_NOT_ALONE', {
        ...{ host: server['host'], pid: server['pid'] },
        heartbeat: `${String(server['heartbeat'])} GMT`,
      });
  }

  async rows(sql: string, values: readonly unknown[] = []): Promise<RowDataPacket[]> {
    return (await this.#query(sql, values)) as RowDataPacket[];
  }

  /** @returns how many rows were changed */
  async run(sql: string, values: readonly unknown[] = []): Promise<number> {
    return ((await this.#query(sql, values)) as ResultSetHeader).affectedRows;
  }

  /** Adds rows of a VALUES list. @returns the ids that the server gave them, in order */
  async insert(sql: string, values: readonly unknown[]): Promise<string[]> {
    const { insertId, affectedRows } = (await this.#query(sql, values)) as ResultSetHeader;
    const [server] = await this.rows('SELECT @@auto_increment_increment AS step');
    // InnoDB reserves the ids of a list in one piece, whatever its lock mode.
    const step = BigInt(String(server?.['step']));
    return Array.from({ length: affectedRows }, (_, at) =>
      String(BigInt(insertId) + BigInt(at) * step),
    );
  }

  /** Ends the connection; what was not committed is rolled back by the server, and the lock is free. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.end().catch(() => this.#connection.destroy());
  }

  async #query(sql: string, values: readonly unknown[]): Promise<unknown> {
    try {
      const [result] = await this.#connection.query(sql, [...values]);
      return result;
    } catch (cause) {
      // A row that cannot be added is the caller's to judge.
      throw mysqlCode(cause) === 'ER_DUP_ENTRY' ? cause : mysqlError(cause, this.#target, 'STORE');
    }
  }
}
