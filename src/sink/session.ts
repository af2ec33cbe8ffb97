import { Socket } from 'node:net';
import type { Connection } from 'mysql2/promise';
import { limitAnswers, patientMs } from '../platform/answer-limit.ts';
import type { AnswerWatch } from '../platform/answer-limit.ts';
import { AppError } from '../platform/errors.ts';
import { openConnection } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import { storeFault } from '../platform/store-fault.ts';
import { withTimeLimit } from '../platform/time-limit.ts';

/** A value of a result row: 64-bit numbers and dates are text, see `mysqlOptions`. */
export type SqlValue = string | number | boolean | Buffer | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/**
 * One connection to the store. Its statements see what others have committed (READ COMMITTED), fail
 * rather than cut a value (strict mode), and wait for a lock no longer than it was opened with. One that
 * leaves a statement unanswered for longer than its target says is given up.
 * Every error is one of the catalogue where the catalogue knows it; {@link drop} ends all that wait.
 */
export class Session implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #target: MysqlTarget;
  readonly #dropped = new AbortController();
  readonly #watch: AnswerWatch;
  #asked = 0;

  private constructor(connection: Connection, target: MysqlTarget) {
    this.#connection = connection;
    this.#target = target;
    this.#watch = limitAnswers(connection, target.answerMs ?? patientMs({}));
    // Without a listener a connection that dies while idle would end the process; the next statement tells.
    connection.on('error', () => {});
  }

  /** @throws STORE_UNREACHABLE (also when the signal aborts first), STORE_ACCESS_DENIED */
  static async open(
    target: MysqlTarget,
    lockWaitSeconds: number,
    signal?: AbortSignal,
  ): Promise<Session> {
    const opening = openConnection(target, 'STORE').then(
      (made) => new Session(made, target),
      (error: unknown) => Promise.reject(storeFault(error, target) as Error),
    );
    const session = await (signal ? orAbort(opening, signal, target) : opening);
    try {
      await session.run(
        `SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
           time_zone = '+00:00', innodb_lock_wait_timeout = ?, sort_buffer_size = 33554432`,
        [lockWaitSeconds],
      );
      await session.run('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
      const server = await session.row('SELECT VERSION() AS version');
      if (!String(server?.['version']).includes('MariaDB')) {
        // MySQL shows a table's AUTO_INCREMENT of up to a day ago unless told otherwise; MariaDB has no such cache
        await session.run('SET SESSION information_schema_stats_expiry = 0');
        // It refuses JSON_TABLE without a default schema, whichever that is.
        if (target.database === undefined) await session.run('USE information_schema');
      }
      return session;
    } catch (error) {
      session.drop();
      throw error;
    }
  }

  /** The server's id of this connection, for KILL. */
  get connectionId(): number {
    return this.#connection.threadId;
  }

  /** Rows of a SELECT. @throws STORE_UNREACHABLE, STORE_ACCESS_DENIED, STORE_BUSY, STORE_SCHEMA_MISSING */
  async rows(sql: string, values: unknown[] = []): Promise<readonly SqlRow[]> {
    const result = await this.#query(sql, values);
    return Array.isArray(result) ? (result as SqlRow[]) : [];
  }

  /** First row of a SELECT, or undefined. Errors as {@link rows}. */
  async row(sql: string, values: unknown[] = []): Promise<SqlRow | undefined> {
    return (await this.rows(sql, values))[0];
  }

  /** Runs a statement. @returns rows matched (not: changed), and the id that an INSERT was given. */
  async run(sql: string, values: unknown[] = []): Promise<{ matched: number; insertId: string }> {
    const result = (await this.#query(sql, values)) as {
      affectedRows?: number;
      insertId?: number | string;
    };
    return { matched: result.affectedRows ?? 0, insertId: String(result.insertId ?? 0) };
  }

  /**
   * Commits what `work` did, or nothing when it throws. When the connection is lost at the commit the
   * outcome is unknown: the caller has to look at the tables again, under the fence.
   */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run('START TRANSACTION');
    try {
      const result = await work();
      await this.run('COMMIT');
      return result;
    } catch (error) {
      await this.run('ROLLBACK').catch(() => this.drop()); // an unusable connection must not be used again
      throw error;
    }
  }

  /** From now on a statement may stay without an answer for so long, before the connection is given up. */
  set answerMs(ms: number) {
    this.#watch.limitMs = ms;
  }

  /** What it waits for: the same text later means that nothing has come since; null when nothing is asked. */
  get waitsFor(): string | null {
    return this.#watch.isWaiting ? `${this.#asked} ${this.#watch.pieces}` : null;
  }

  /** Proves that an idle connection lives. @throws STORE_UNREACHABLE when there is no answer in time; it is dropped */
  async prove(withinMs: number): Promise<void> {
    const { host, port } = this.#target;
    const silent = () => new AppError('STORE_UNREACHABLE', { host, port, waitedMs: withinMs });
    try {
      await withTimeLimit(withinMs, this.rows('DO 0'), silent);
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  /** Closes at once; statements under way fail with STORE_UNREACHABLE, the server rolls back. */
  drop(): void {
    if (this.#dropped.signal.aborted) return;
    this.#dropped.abort();
    this.#connection.destroy();
    // destroy() only says goodbye; a server that no longer answers would keep the socket, and the process
    const core: unknown = Reflect.get(this.#connection, 'connection');
    const socket: unknown = typeof core === 'object' && core ? Reflect.get(core, 'stream') : null;
    if (socket instanceof Socket) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    await Promise.resolve();
  }

  async #query(sql: string, values: unknown[]): Promise<unknown> {
    this.#asked += 1;
    try {
      const query = this.#connection.query({ sql, values });
      const [result] = await orAbort(query, this.#dropped.signal, this.#target);
      return result;
    } catch (error) {
      throw storeFault(error, this.#target, 'busy');
    }
  }
}

/** The promise, unless the signal aborts first; what it holds by then is dropped. */
function orAbort<T>(work: Promise<T>, signal: AbortSignal, target: MysqlTarget): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const { host, port } = target;
  const onAbort = () => {
    reject(new AppError('STORE_UNREACHABLE', { host, port, reason: 'the connection was dropped' }));
    work.then(
      (late) => late instanceof Session && late.drop(),
      () => {}, // nobody waits for it any more
    );
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  return promise;
}
