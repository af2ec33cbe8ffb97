import { createConnection } from 'mysql2/promise';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { mysqlOptions, quoteName } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';

/**
 * What schemas held at an instant, to be put back later under whoever works on them: a server that was promoted
 * without the last commits of the one before it. Ids are given out again, as there. Nobody may write meanwhile.
 */
export class StoreCopy implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #schemas: readonly string[];

  private constructor(connection: Connection, schemas: readonly string[]) {
    this.#connection = connection;
    this.#schemas = schemas;
  }

  static async take(target: MysqlTarget, schemas: readonly string[]): Promise<StoreCopy> {
    const connection = await createConnection(mysqlOptions(target));
    const copy = new StoreCopy(connection, schemas);
    await connection.query('SET foreign_key_checks = 0');
    for (const schema of schemas) {
      await connection.query(`CREATE DATABASE ${quoteName(copyOf(schema))}`);
      for (const table of await copy.#filled(schema)) {
        const [to, from] = [quoteName(copyOf(schema), table), quoteName(schema, table)];
        await connection.query(`CREATE TABLE ${to} AS SELECT * FROM ${from}`);
      }
    }
    return copy;
  }

  /** @param schemas Some of those that were copied. */
  async restore(schemas = this.#schemas): Promise<void> {
    for (const schema of schemas) {
      const copied = await this.#tables(copyOf(schema));
      for (const table of await this.#filled(schema))
        await this.#connection.query(`TRUNCATE TABLE ${quoteName(schema, table)}`);
      for (const table of copied) {
        const [to, from] = [quoteName(schema, table), quoteName(copyOf(schema), table)];
        const columns = (await this.#columns(schema, table)).map((name) => quoteName(name)).join();
        await this.#connection.query(
          `INSERT INTO ${to} (${columns}) SELECT ${columns} FROM ${from}`,
        );
      }
    }
  }

  /** Ends the connections of others to the schemas, and waits until they are gone: a fail-over ends them all. */
  async cut(): Promise<void> {
    const others = async () => {
      const [rows] = await this.#connection.query<RowDataPacket[]>(
        'SELECT ID AS id FROM information_schema.PROCESSLIST WHERE DB IN (?) AND ID <> CONNECTION_ID()',
        [this.#schemas],
      );
      return rows.map((row) => Number(row['id']));
    };
    for (let ids = await others(); ids.length > 0; ids = await others())
      // It may have gone by itself.
      for (const id of ids) await this.#connection.query(`KILL ${id}`).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const schema of this.#schemas)
      await this.#connection.query(`DROP DATABASE IF EXISTS ${quoteName(copyOf(schema))}`);
    await this.#connection.end();
  }

  /** Tables with rows: most have none. */
  async #filled(schema: string): Promise<string[]> {
    const tables = await this.#tables(schema);
    const [rows] = await this.#connection.query<RowDataPacket[]>(
      tables
        .map((table, at) => `SELECT ${at} AS at FROM ${quoteName(schema, table)} LIMIT 1`)
        .map((one) => `(${one})`)
        .join(' UNION ALL '),
    );
    return rows.map((row) => tables[Number(row['at'])]!);
  }

  #tables(schema: string): Promise<string[]> {
    return this.#names(
      `SELECT TABLE_NAME AS name FROM information_schema.TABLES
       WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE'`,
      [schema],
    );
  }

  #columns(schema: string, table: string): Promise<string[]> {
    return this.#names(
      `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
       WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND COALESCE(GENERATION_EXPRESSION, '') = ''`,
      [schema, table],
    );
  }

  async #names(sql: string, values: unknown[]): Promise<string[]> {
    const [rows] = await this.#connection.query<RowDataPacket[]>(sql, values);
    return rows.map((row) => String(row['name']));
  }
}

const copyOf = (schema: string): string => `${schema}_copy`;
