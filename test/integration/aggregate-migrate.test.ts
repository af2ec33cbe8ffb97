import { afterAll, expect, test } from 'vitest';
import { checkSchema, migrate, schemaVersion } from '../../src/platform/migrate.ts';
import { openPool, parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { randomSuffix, servers } from '../support/servers.ts';

const pool = openPool(parseMysqlUrl(servers().mariadbUrl), 3);
const suffix = randomSuffix();
const schema = `us_${suffix}`;
const cloudUsageSchema = `cu_${suffix}`;
const user = `reader_${suffix}`;
const own = { schema, withCloudUsage: false, dryRun: false };

afterAll(async () => {
  for (const name of [schema, cloudUsageSchema])
    await pool.query(`DROP DATABASE IF EXISTS ${name}`);
  await pool.query(`DROP USER IF EXISTS ${user}`);
  await pool.end();
});

const tables = async (name: string) => {
  const [rows] = await pool.query<RowDataPacket[]>(
    'SELECT table_name AS t FROM information_schema.tables WHERE table_schema=?',
    [name],
  );
  return rows.map((row) => String(row['t']));
};

test('a missing schema is told with what to do', async () => {
  await expect(checkSchema(pool, schema)).rejects.toMatchObject({ code: 'STORE_SCHEMA_MISSING' });
});

test('a dry run says every statement and applies none', async () => {
  const said = await migrate(pool, { ...own, dryRun: true });
  expect(said[0]).toBe(`CREATE DATABASE IF NOT EXISTS \`${schema}\` CHARACTER SET utf8mb4`);
  expect(
    said.some((statement) => statement.startsWith('CREATE TABLE IF NOT EXISTS progress')),
  ).toBe(true);
  expect(await tables(schema)).toEqual([]);
});

test('processes that migrate at once take turns, and all is there once', async () => {
  const applied = await Promise.all([migrate(pool, own), migrate(pool, own)]);
  expect(applied.filter((statements) => statements.length > 0)).toHaveLength(1);
  expect(await tables(schema)).toContain('progress');
  await checkSchema(pool, schema);
});

test('a migration that was killed half-way is continued', async () => {
  await pool.query(`DELETE FROM ${schema}.schema_version`);
  await pool.query(`DROP TABLE ${schema}.lease`);
  await migrate(pool, own);
  expect(await tables(schema)).toContain('lease');
});

test('the tables of CloudStack are made only where they are missing', async () => {
  expect(await tables(cloudUsageSchema)).toEqual([]);
  await pool.query(`CREATE DATABASE ${cloudUsageSchema}`);
  await pool.query(`CREATE TABLE ${cloudUsageSchema}.cloud_usage (id INT)`);
  const applied = await migrate(pool, { ...own, withCloudUsage: true, cloudUsageSchema });
  expect(applied.some((statement) => statement.includes('`cloud_usage`'))).toBe(false);
  expect(await tables(cloudUsageSchema)).toContain('usage_job');
  const again = { ...own, withCloudUsage: true, cloudUsageSchema };
  expect(await migrate(pool, again)).toEqual([]);
});

test('a schema of a newer build is left alone', async () => {
  await pool.query(`INSERT INTO ${schema}.schema_version (version) VALUES (${schemaVersion + 1})`);
  const newer = { code: 'STORE_SCHEMA_NEWER' };
  await expect(checkSchema(pool, schema)).rejects.toMatchObject(newer);
  await expect(migrate(pool, own)).rejects.toMatchObject(newer);
});

test('a right that is missing is told with the statement', async () => {
  await pool.query(`CREATE USER ${user} IDENTIFIED BY 'pw'`);
  const target = { ...parseMysqlUrl(servers().mariadbUrl), user, password: 'pw' };
  const poor = openPool(target, 1);
  await expect(migrate(poor, { ...own, schema: `other_${suffix}` })).rejects.toMatchObject({
    code: 'STORE_ACCESS_DENIED',
  });
  await poor.end();
});
