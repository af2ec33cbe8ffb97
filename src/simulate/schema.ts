import { readFile } from 'node:fs/promises';
import { createConnection } from 'mysql2/promise';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { mysqlCode, mysqlError, mysqlOptions, quoteName } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';

const cloudTables = new URL('../../deploy/dev/cloud-4.23.sql', import.meta.url);

/** A connection that takes several statements in one message, and no default schema. */
export async function openPlayer(target: MysqlTarget): Promise<Connection> {
  try {
    const { database: _, ...options } = mysqlOptions(target);
    return await createConnection({ ...options, multipleStatements: true });
  } catch (cause) {
    throw mysqlError(cause, target, 'SOURCE');
  }
}

/** Makes the `cloud` tables that are missing; what is there is left as it is. */
export async function createCloudSchema(target: MysqlTarget, cloudSchema: string): Promise<void> {
  const tables = await readFile(cloudTables, 'utf8');
  const connection = await openPlayer(target);
  try {
    await connection.query(
      `CREATE DATABASE IF NOT EXISTS ${quoteName(cloudSchema)} CHARACTER SET utf8mb4; USE ${quoteName(cloudSchema)}; ${tables}`,
    );
  } finally {
    await connection.end();
  }
}

/** A base for `PlanOptions.idBase` above every id that an earlier plan used; 0 for empty or missing tables. */
export async function freeIdBase(target: MysqlTarget, cloudSchema: string): Promise<number> {
  const connection = await openPlayer(target);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT GREATEST(
         (SELECT IFNULL(MAX(id), 0) FROM ${quoteName(cloudSchema, 'usage_event')}),
         (SELECT IFNULL(MAX(resource_id), 0) FROM ${quoteName(cloudSchema, 'usage_event')}),
         (SELECT IFNULL(MAX(id), 0) FROM ${quoteName(cloudSchema, 'usage_event_details')}),
         (SELECT IFNULL(MAX(id), 0) FROM ${quoteName(cloudSchema, 'account')})) AS highest`,
    );
    const highest = Number(rows[0]?.['highest'] ?? 0);
    return highest === 0 ? 0 : Math.ceil((highest + 1) / 1_000_000) * 1_000_000;
  } catch (cause) {
    if (mysqlCode(cause) === 'ER_NO_SUCH_TABLE') return 0;
    throw mysqlError(cause, target, 'SOURCE');
  } finally {
    await connection.end();
  }
}
