import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMetrics } from '../../src/platform/metrics.ts';
import type { Metrics } from '../../src/platform/metrics.ts';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
import { canStartMariaDb, startMariaDb } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { day, firstDay, startSink, TestStore } from './sink-fixture.ts';
import type { RunningSink } from './sink-fixture.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe.skipIf(!canStartMariaDb())('a sink on a server that is hurt', () => {
  let server: LocalServer;
  let admin: Connection;
  let store: TestStore;
  let target: MysqlTarget;
  let metrics: Metrics;

  beforeAll(async () => {
    const settings = { innodb_buffer_pool_size: '64M', innodb_log_file_size: '64M' };
    server = await startMariaDb({ settings });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    store = await TestStore.create(server.url);
    admin = await createConnection({ ...mysqlOptions(parseMysqlUrl(server.url)) });
    // Who may not write to a read-only server, nor log in to a full one.
    target = { ...store.target, user: 'billing', password: 'first' };
    await admin.query(`CREATE USER billing IDENTIFIED BY 'first'`);
    await admin.query(`GRANT ALL ON ${store.schema}.* TO billing`);
    await admin.query(`GRANT ALL ON ${store.cloudUsage}.* TO billing`);
    metrics = createMetrics();
    await store.addRows([{ account: '1' }, { account: '2' }]);
    await store.close(firstDay + day);
  });
  afterEach(async () => {
    await admin.query('SET GLOBAL max_connections = 300');
    await admin.query('DROP USER billing');
    await admin.end();
    await store[Symbol.asyncDispose]();
  });

  const start = () => startSink(store, {}, { store: target, metrics });
  const whenFaulty = (code: string) =>
    expect
      .poll(() => metrics.faults.list(), { timeout: 20_000 })
      .toMatchObject([{ part: 'sink', code }]);
  const endConnections = async () => {
    const [rows] = await admin.query(
      `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'billing'`,
    );
    for (const { id } of rows as { id: string }[])
      await admin.query(`KILL ${id}`).catch(() => undefined);
  };
  /** The first day is published, and then the second, once each, and no fault is left. */
  const expectPublished = async (sink: RunningSink) => {
    await sink.whenProgress((p) => p.leader && p.lastPublishedEndMs === firstDay + day);
    await store.addRows([{ account: '1', startMs: firstDay + day }]);
    await store.close(firstDay + 2 * day);
    await sink.whenProgress((p) => p.leader && p.lastPublishedEndMs === firstDay + 2 * day);
    expect(metrics.faults.list()).toEqual([]);
    await sink.stop();
    expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('3');
    expect(await store.value('SELECT COUNT(*) FROM us.published_window')).toBe('2');
  };

  test('waits while it is read-only (fail-over), says so, and goes on by itself', async () => {
    await admin.query('SET GLOBAL read_only = 1');
    await using sink = start();
    await whenFaulty('STORE_UNREACHABLE');
    await admin.query('SET GLOBAL read_only = 0');
    await expectPublished(sink);
  });

  // A server whose table space is full in earnest ends itself (InnoDB), so a trigger speaks for it.
  test.each([1021, 1114])('waits while it is full (%i), and goes on by itself', async (errno) => {
    await admin.query(
      `CREATE TRIGGER ${store.cloudUsage}.full BEFORE INSERT ON ${store.cloudUsage}.cloud_usage
       FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'full'`,
    );
    await using sink = start();
    await whenFaulty('STORE_UNREACHABLE');
    await admin.query(`DROP TRIGGER ${store.cloudUsage}.full`);
    await expectPublished(sink);
  });

  test('waits while it has no connection to give, and goes on by itself', async () => {
    await admin.query('SET GLOBAL max_connections = 10');
    const others = await Promise.all(
      Array.from({ length: 7 }, () => createConnection(mysqlOptions(target))),
    );
    await using sink = start();
    await whenFaulty('STORE_UNREACHABLE');
    await Promise.all(others.map((other) => other.end()));
    await expectPublished(sink);
  });

  test.each([
    {
      why: 'another password',
      spoil: `ALTER USER billing IDENTIFIED BY 'second'`,
      mend: `ALTER USER billing IDENTIFIED BY 'first'`,
    },
    {
      why: 'an expired password',
      spoil: 'ALTER USER billing PASSWORD EXPIRE',
      mend: `ALTER USER billing IDENTIFIED BY 'first'`,
    },
    {
      why: 'a locked account',
      spoil: 'ALTER USER billing ACCOUNT LOCK',
      mend: 'ALTER USER billing ACCOUNT UNLOCK',
    },
  ])('waits while its user has $why, says so, and goes on by itself', async ({ spoil, mend }) => {
    await using sink = start();
    await sink.whenProgress((p) => p.leader && p.lastPublishedEndMs === firstDay + day);
    await admin.query(spoil);
    await endConnections();
    await whenFaulty('STORE_ACCESS_DENIED');
    await admin.query(mend);
    await expectPublished(sink);
  });

  test('goes on by itself after it was killed and started again', async () => {
    await using sink = start();
    await sink.whenProgress((p) => p.leader && p.lastPublishedEndMs === firstDay + day);
    await server.stop('SIGKILL');
    await whenFaulty('STORE_UNREACHABLE');
    await server.restart();
    await store.reconnect();
    admin = await createConnection(mysqlOptions(parseMysqlUrl(server.url)));
    await expectPublished(sink);
  });
});
