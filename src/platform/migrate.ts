import { readFileSync, readdirSync } from 'node:fs';
import type { PoolConnection } from 'mysql2/promise';
import { crashPoint } from './crash-points.ts';
import { AppError } from './errors.ts';
import { mysqlCode, quoteName } from './mysql.ts';
import type { Connection, Pool, RowDataPacket } from './mysql.ts';
import { splitStatements } from './split-statements.ts';

const folder = new URL('../../deploy/migrations/', import.meta.url);
const cloudUsageFile = 'cloud-usage-4.23.sql';

export interface MigrateOptions {
  /** Our own schema, normally `usage_stream`; created when missing. */
  readonly schema: string;
  /** Also make the tables of CloudStack's usage schema that are missing. */
  readonly withCloudUsage: boolean;
  /** Default `cloud_usage`. */
  readonly cloudUsageSchema?: string;
  /** Only say what would be done. */
  readonly dryRun: boolean;
}

/**
 * Brings our schema to the newest version. Processes that do so at the same time take turns;
 * one that was killed half-way is continued by the next call.
 *
 * @returns the statements that were applied (or would be, with dryRun); none when all is there.
 * @throws STORE_SCHEMA_NEWER when a newer build made it; STORE_ACCESS_DENIED with the statement
 *   that was refused.
 */
export function migrate(db: Pool | Connection, options: MigrateOptions): Promise<string[]> {
  return alone(db, async (connection) => {
    const applied: string[] = [];
    const apply = async (statement: string) => {
      applied.push(statement);
      if (options.dryRun) return;
      crashPoint('migrate.before-statement');
      await execute(connection, statement);
    };
    await migrateOwn(connection, options, apply);
    if (options.withCloudUsage) await migrateCloudUsage(connection, options, apply);
    return applied;
  });
}

/**
 * Checks that our schema is the one this build was made for.
 * @throws STORE_SCHEMA_MISSING (also when it is older), STORE_SCHEMA_NEWER.
 */
export async function checkSchema(db: Pool | Connection, schema: string): Promise<void> {
  requireVersion(schema, await readVersion(db, schema));
}

/**
 * The same for a version that was read from `schema_version`.
 * @throws STORE_SCHEMA_MISSING (also when it is older), STORE_SCHEMA_NEWER.
 */
export function requireVersion(schema: string, version: number): void {
  if (version < schemaVersion)
    throw new AppError('STORE_SCHEMA_MISSING', { schema, version, expected: schemaVersion });
  refuseNewer(schema, version);
}

interface Migration {
  readonly version: number;
  readonly file: string;
}

const migrations: readonly Migration[] = readdirSync(folder)
  .flatMap((file) => {
    const version = /^(\d{4})-.*\.sql$/.exec(file)?.[1];
    return version === undefined ? [] : [{ version: Number(version), file }];
  })
  .sort((a, b) => a.version - b.version);

/** The version that this build reads and writes. */
export const schemaVersion = migrations.at(-1)?.version ?? 0;

type Apply = (statement: string) => Promise<void>;

async function migrateOwn(
  connection: Connection,
  { schema, dryRun }: MigrateOptions,
  apply: Apply,
): Promise<void> {
  const version = await readVersion(connection, schema);
  refuseNewer(schema, version);
  if (version === schemaVersion) return;
  await enterSchema(connection, schema, dryRun, apply);
  for (const migration of migrations) {
    if (migration.version <= version) continue;
    for (const statement of statementsOf(migration.file)) await apply(statement);
    crashPoint('migrate.before-version');
    await apply(`INSERT IGNORE INTO schema_version (version) VALUES (${migration.version})`);
  }
}

/** Table by table, as an operator's cloud_usage may lack one and its own tables are never touched. */
async function migrateCloudUsage(
  connection: Connection,
  options: MigrateOptions,
  apply: Apply,
): Promise<void> {
  const schema = options.cloudUsageSchema ?? 'cloud_usage';
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?',
    [schema],
  );
  const present = new Set(rows.map((row) => String(row['name']).toLowerCase()));
  const missing = statementsOf(cloudUsageFile).filter((statement) => {
    const table = /^CREATE TABLE IF NOT EXISTS `(\w+)`/.exec(statement)?.[1];
    return table !== undefined && !present.has(table.toLowerCase());
  });
  if (missing.length === 0) return;
  await enterSchema(connection, schema, options.dryRun, apply);
  for (const statement of missing) await apply(statement);
}

async function enterSchema(
  connection: Connection,
  schema: string,
  dryRun: boolean,
  apply: Apply,
): Promise<void> {
  const [found] = await connection.query<RowDataPacket[]>(
    'SELECT 1 FROM information_schema.schemata WHERE schema_name = ?',
    [schema],
  );
  if (found.length === 0)
    await apply(`CREATE DATABASE IF NOT EXISTS ${quoteName(schema)} CHARACTER SET utf8mb4`);
  if (!dryRun) await execute(connection, `USE ${quoteName(schema)}`);
}

async function readVersion(db: Pool | Connection, schema: string): Promise<number> {
  try {
    const [rows] = await db.query<RowDataPacket[]>(
      `SELECT MAX(version) AS version FROM ${quoteName(schema, 'schema_version')}`,
    );
    return Number(rows[0]?.['version'] ?? 0);
  } catch (error) {
    const code = mysqlCode(error);
    if (code === 'ER_NO_SUCH_TABLE' || code === 'ER_BAD_DB_ERROR') return 0;
    throw refused(error, `SELECT version FROM ${schema}.schema_version`);
  }
}

function refuseNewer(schema: string, version: number): void {
  if (version > schemaVersion)
    throw new AppError('STORE_SCHEMA_NEWER', { schema, version, expected: schemaVersion });
}

const statementsOf = (file: string): string[] =>
  splitStatements(readFileSync(new URL(file, folder), 'utf8'));

async function execute(connection: Connection, statement: string): Promise<void> {
  try {
    await connection.query(statement);
  } catch (cause) {
    // Columns that a migration added before it was killed.
    if (mysqlCode(cause) === 'ER_DUP_FIELDNAME') return;
    throw refused(cause, statement.split('\n')[0] ?? '');
  }
}

/** An error about rights, with the statement that lacks one; any other as it is. */
const refused = (cause: unknown, statement: string): unknown =>
  /ACCESS_?DENIED/.test(mysqlCode(cause) ?? '')
    ? new AppError('STORE_ACCESS_DENIED', { statement }, cause)
    : cause;

/** One connection, one migrating process: a named lock, given back with the connection if we die. */
async function alone<T>(
  db: Pool | Connection,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const pooled: PoolConnection | null = 'getConnection' in db ? await db.getConnection() : null;
  const connection: Connection = pooled ?? (db as Connection);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT GET_LOCK('usagestream-migrate', 60) AS mine`,
    );
    if (Number(rows[0]?.['mine']) !== 1)
      throw new AppError('STORE_UNREACHABLE', { waitedFor: 'another migration' });
    return await work(connection);
  } finally {
    // A pooled connection has another default schema now: it is not given back.
    if (pooled) pooled.destroy();
    else await connection.query(`SELECT RELEASE_LOCK('usagestream-migrate')`);
  }
}
