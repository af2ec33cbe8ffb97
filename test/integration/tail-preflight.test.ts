import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { isAppError } from '../../src/platform/errors.ts';
import { manualClock, systemClock } from '../../src/platform/clock.ts';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { preflightTarget, requireReady } from '../../src/tail/preflight.ts';
import type { Finding } from '../../src/tail/preflight.ts';
import { canStartMariaDb, randomSuffix, servers, startMariaDb } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const serverId = 4_000_000;
const bad = (findings: readonly Finding[]) => findings.filter((each) => each.level !== 'ok');
const names = (findings: readonly Finding[]) => bad(findings).map((each) => each.check);

describe('a server as it should be', () => {
  let cloud: TailedCloud;
  const look = (more = {}, clock = systemClock) =>
    preflightTarget(
      { target: { ...cloud.target, ...more }, cloudSchema: cloud.cloudSchema, serverId },
      clock,
    );
  beforeAll(async () => void (cloud = await tailedCloud()));
  afterAll(() => cloud[Symbol.asyncDispose]());

  test('has no findings, and says what was looked at', async () => {
    const findings = await look();
    expect(bad(findings)).toEqual([]);
    expect(findings.map((each) => each.check)).toEqual(
      expect.arrayContaining(['connection', 'binlog_format', 'grant SELECT', 'clock', 'time_zone']),
    );
    expect(() => requireReady(findings)).not.toThrow();
  });

  test('a clock that is not ours is a warning', async () => {
    const findings = await look({}, manualClock(Date.now() - 3_600_000));
    expect(bad(findings)).toMatchObject([
      { check: 'clock', level: 'warning', fix: expect.any(String) },
    ]);
  });

  test('our id must not be its id', async () => {
    const [rows] = await cloud.sql.query('SELECT @@server_id id');
    const findings = await preflightTarget(
      {
        target: cloud.target,
        cloudSchema: cloud.cloudSchema,
        serverId: Number((rows as { id: string }[])[0]!.id),
      },
      systemClock,
    );
    expect(bad(findings)).toMatchObject([{ check: 'server_id', level: 'fatal' }]);
  });

  test('a user without grants is told each statement that helps', async () => {
    const user = `u${randomSuffix()}`;
    const { sql, cloudSchema } = cloud;
    await sql.query(`CREATE USER ${user} IDENTIFIED BY 'p'`);
    try {
      const first = await look({ user, password: 'p' });
      expect(names(first)).toEqual([
        'grant BINLOG MONITOR',
        'grant REPLICATION SLAVE',
        'grant SELECT',
      ]);
      // The statements are given as they are to be run.
      for (const { fix } of bad(first)) await sql.query(fix!);
      const second = await look({ user, password: 'p' });
      expect(bad(second)).toEqual([]);
      await sql.query(`REVOKE SELECT ON ${cloudSchema}.bucket FROM ${user}`);
      expect(bad(await look({ user, password: 'p' }))).toMatchObject([
        {
          check: 'grant SELECT',
          fix: expect.stringMatching(/^GRANT SELECT ON `\w+`.`bucket` TO [^;]+;$/),
        },
      ]);
    } finally {
      await sql.query(`DROP USER ${user}`);
    }
  });

  test('not reaching it and wrong credentials are findings', async () => {
    for (const more of [{ port: 1 }, { password: 'wrong' }]) {
      const findings = await look(more);
      expect(findings).toMatchObject([{ check: 'connection', level: 'fatal' }]);
      expect(findings[0]!.fix).not.toContain('wrong');
    }
  });

  test('tables and columns that are missing are named', async () => {
    await cloud.sql.query(
      'ALTER TABLE usage_event DROP COLUMN vm_id, DROP COLUMN zone_id; DROP TABLE bucket',
    );
    const findings = await look();
    expect(bad(findings)).toMatchObject([
      { check: `table ${cloud.cloudSchema}.bucket`, found: 'does not exist' },
      { check: `table ${cloud.cloudSchema}.usage_event`, found: 'lacks zone_id' },
    ]);
    expect(() => requireReady(findings)).toThrowError(
      expect.toSatisfy(
        (error) =>
          isAppError(error, 'SOURCE_SCHEMA_MISMATCH') && error.explain().includes('zone_id'),
      ),
    );
  });
});

describe.skipIf(!canStartMariaDb())('a server as it comes', () => {
  let server: LocalServer;
  let sql: Connection;
  const look = () =>
    preflightTarget(
      { target: parseMysqlUrl(server.url), cloudSchema: 'cloud', serverId },
      systemClock,
    );
  beforeAll(async () => {
    const settings = {
      innodb_buffer_pool_size: '64M',
      innodb_log_file_size: '16M',
      default_time_zone: '+02:00',
      binlog_format: 'MIXED',
      binlog_row_metadata: 'NO_LOG',
      binlog_expire_logs_seconds: '3600',
      log_bin_compress: 'ON',
      binlog_row_image: 'MINIMAL',
      binlog_ignore_db: 'cloud',
    };
    server = await startMariaDb({ settings });
    sql = await createConnection({
      ...mysqlOptions(parseMysqlUrl(server.url)),
      multipleStatements: true,
    });
    await sql.query('CREATE DATABASE cloud');
  }, 60_000);
  afterAll(async () => {
    await sql.end();
    await server[Symbol.asyncDispose]();
  });

  test('lacks each setting, with the statement that sets it', async () => {
    const findings = await look();
    const settings = bad(findings).filter((each) => !each.check.startsWith('table '));
    expect(settings.map(({ check, level }) => `${check} ${level}`)).toEqual([
      'binlog_format fatal',
      'binlog_row_image fatal',
      'binlog_row_metadata fatal',
      'binlog_expire_logs_seconds warning',
      'time_zone warning',
      'binlog filter fatal',
    ]);
    for (const { fix } of settings) {
      const statement = /^(SET GLOBAL [^;]+);/.exec(fix ?? '')?.[1];
      if (statement) await sql.query(statement);
    }
    expect(names(await look()).filter((check) => !check.startsWith('table '))).toEqual([
      'time_zone',
      'binlog filter',
    ]);
  });

  test('a tailer refuses it and lists what to do', async () => {
    await using cloud = await tailedCloud();
    const tail = cloud.start({ source: parseMysqlUrl(server.url), cloudSchema: 'cloud' });
    await expect(tail.done).rejects.toSatisfy(
      (error) =>
        isAppError(error, 'SOURCE_NOT_READY') && error.explain().includes('binlog_ignore_db'),
    );
  });
});

test.skipIf(!canStartMariaDb())(
  'a server without a binlog is told so',
  async () => {
    const settings = {
      log_bin: '',
      skip_log_bin: '',
      innodb_buffer_pool_size: '64M',
      innodb_log_file_size: '16M',
    };
    await using server = await startMariaDb({ settings });
    const target = parseMysqlUrl(server.url);
    const findings = await preflightTarget({ target, cloudSchema: 'cloud', serverId }, systemClock);
    expect(findings.find((each) => each.check === 'log_bin')).toMatchObject({
      level: 'fatal',
      found: 'OFF',
      fix: expect.stringContaining('log_bin ='),
    });
    await using cloud = await tailedCloud(servers().mariadbUrl);
    await expect(cloud.start({ source: target }).done).rejects.toSatisfy((error) =>
      isAppError(error, 'SOURCE_NOT_READY'),
    );
  },
  60_000,
);
