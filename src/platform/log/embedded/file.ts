import { chmodSync, existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { AppError } from '../../errors.ts';

/**
 * Offsets are given when a record is appended, as a broker does; what is of an open transaction is
 * hidden by `open_part`, whose rows go when it is committed. `newest` serves compaction.
 */
const tables = `
  CREATE TABLE IF NOT EXISTS format (version INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS topic (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
    cleanup TEXT NOT NULL, retention_ms INTEGER) STRICT;
  CREATE TABLE IF NOT EXISTS part (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS record (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, key BLOB, value BLOB, headers TEXT,
    PRIMARY KEY (topic, partition, offset)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS newest (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, key BLOB NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, key)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS writer (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS open_transaction (
    id INTEGER PRIMARY KEY AUTOINCREMENT, writer TEXT NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS open_part (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, transaction_id INTEGER NOT NULL,
    first INTEGER NOT NULL, PRIMARY KEY (topic, partition, transaction_id)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS member (
    id TEXT PRIMARY KEY, grp TEXT NOT NULL, topic INTEGER NOT NULL, joined INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS holding (
    grp TEXT NOT NULL, topic INTEGER NOT NULL, partition INTEGER NOT NULL, member TEXT NOT NULL,
    PRIMARY KEY (grp, topic, partition)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS join_order (last INTEGER NOT NULL) STRICT;
`;

const formatVersion = 1;
/** How long a statement waits for another process that writes, ms. */
const busyMs = 5000;

export type Row = Record<string, null | number | bigint | string | Uint8Array>;

/**
 * The one file of an embedded log. Several processes of one machine may have it open: writes are
 * short and take turns. Not for network file systems, whose locks cannot be trusted.
 *
 * @see https://www.sqlite.org/wal.html
 */
export class LogFile implements Disposable {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #listeners = new Set<() => void>();
  #closed = false;

  /** @throws LOG_UNREACHABLE when the file cannot be opened, or another version wrote it. */
  constructor(path: string) {
    this.path = path;
    const isNew = !existsSync(path);
    try {
      this.#db = new DatabaseSync(path, { timeout: busyMs });
      // It holds what a cloud's accounts use: for its owner only.
      if (isNew) chmodSync(path, 0o600);
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
      this.write(() => this.#db.exec(tables));
      this.#checkFormat();
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      throw new AppError('LOG_UNREACHABLE', { file: path }, cause);
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#statement(sql).all(...values) as Row[]);
  }

  one(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.#statement(sql).get(...values) as Row | undefined);
  }

  iterate(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.#statement(sql).iterate(...values) as Iterable<Row>;
  }

  run(sql: string, ...values: SQLInputValue[]): { changes: number; lastId: number } {
    const { changes, lastInsertRowid } = this.#guarded(() => this.#statement(sql).run(...values));
    return { changes: Number(changes), lastId: Number(lastInsertRowid) };
  }

  /**
   * All or nothing of the work, and nobody else's in between.
   *
   * @param durable false: a power failure may undo it, until the next durable one. A crash of the process may not.
   */
  write<T>(work: () => T, durable = true): T {
    return this.#guarded(() => {
      this.#db.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#db.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Calls back when this process has committed something for readers. @returns a function that ends it. */
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  announceCommit(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Changes whenever another process has committed. */
  version(): number {
    return Number(this.one('PRAGMA data_version')?.['data_version']);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.announceCommit();
    this.#statements.clear();
    this.#db.close();
  }

  /** A full disk, a lock that is not given, a broken file: as a broker that is away, tried again. */
  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (!(cause instanceof Error) || !('errcode' in cause)) throw cause;
      throw new AppError('LOG_UNREACHABLE', { file: this.path, reason: cause.message }, cause);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }

  #checkFormat(): void {
    const version = this.write(() => {
      const found = this.one('SELECT version FROM format');
      if (!found) this.run('INSERT INTO format (version) VALUES (?)', formatVersion);
      return Number(found?.['version'] ?? formatVersion);
    });
    if (version !== formatVersion)
      throw new AppError('LOG_UNREACHABLE', {
        file: this.path,
        reason: `written by another version of UsageStream (format ${version}, this one has ${formatVersion})`,
      });
  }
}
