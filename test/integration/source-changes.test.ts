import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { Connection } from '../../src/platform/mysql.ts';
import { caughtUpWith, expectFeedHasTable, sourceStatus } from '../support/feed-and-table.ts';
import { binlogEnd, gtidAt } from '../../src/tail/server-facts.ts';
import { killTailWhen } from '../support/killable-tail.ts';
import { canStartMariaDb, startMariaDb } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { followToEnd, openServer, writeEvents } from '../support/source-story.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const small = { innodb_buffer_pool_size: '32M', innodb_log_file_size: '8M' };

describe.skipIf(!canStartMariaDb())('on one server', () => {
  let server: LocalServer;
  beforeAll(async () => {
    server = await startMariaDb({ settings: small });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('what was purged unread is found by id, with details, counters and accounts as they are now', async () => {
    await using cloud = await tailedCloud(server.url);
    const { sql } = cloud;
    // The next file is older by its letters.
    await sql.query('RESET MASTER TO 999999');
    await writeEvents(sql, 1, 20);
    await sql.query(`INSERT INTO account (id, account_name, type) VALUES (2, 'before', 0)`);
    await followToEnd(cloud, sql);
    await writeEvents(sql, 21, 40);
    // A detail of an event that was read already, and an id that was given out before the last one.
    await sql.query(
      `INSERT INTO usage_event_details SET usage_event_id = 3, name = 'late', value = 'x'`,
    );
    await sql.query(`UPDATE account SET account_name = 'after' WHERE id = 2`);
    await sql.query('FLUSH BINARY LOGS');
    const { file } = await status(sql);
    // Not before the server has seen that its reader has gone.
    const oldest = async () => {
      await sql.query(`PURGE BINARY LOGS TO '${file}'`);
      const [logs] = await sql.query('SHOW BINARY LOGS');
      return (logs as { Log_name: string }[])[0]?.Log_name;
    };
    await expect.poll(oldest, { timeout: 30_000 }).toBe(file);
    await writeEvents(sql, 41, 45);
    await followToEnd(cloud, sql, { snapshotChunkRows: 7 });
    await writeEvents(sql, 46, 50);
    await followToEnd(cloud, sql);

    expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
    const names = (await cloud.feed()).flatMap((each) =>
      each.kind === 'account' ? [each.account.name] : [],
    );
    expect(names.at(-1)).toBe('after');
    const { position, state } = await sourceStatus(cloud);
    expect(state).toMatchObject({ state: 'following', how: 'position' });
    expect(position).toMatchObject({
      incarnation: 0,
      cuts: [],
      healed: { why: 'purged', events: 25, details: 26, conflicts: 0, lostOnSource: 0 },
    });
  });

  test('a binlog that was reset, even while it is read, is never read from a wrong place', async () => {
    await using cloud = await tailedCloud(server.url);
    const { sql } = cloud;
    const tail = cloud.start();
    await writeEvents(sql, 1, 10);
    await caughtUpWith(tail, sql);
    await sql.query('RESET MASTER');
    await writeEvents(sql, 11, 30);
    await tail.when((each) => each.phase === 'heal');
    await caughtUpWith(tail, sql);
    await tail.stop();
    await writeEvents(sql, 31, 33);
    // The same file names, longer than what was read of them.
    await sql.query('RESET MASTER');
    await writeEvents(sql, 34, 80);
    await followToEnd(cloud, sql);
    expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
    const { position } = await sourceStatus(cloud);
    expect(position?.healed?.why).toMatch(
      /^(another history|beyond the end|refused by the server)$/,
    );
  });

  test('a binlog that was reset is another one even if second, byte and GTID are those of the old one', async () => {
    await using cloud = await tailedCloud(server.url);
    const { sql } = cloud;
    const reset = () => sql.query('SET timestamp = 1772323200; RESET MASTER; SET timestamp = 0');
    await reset();
    await writeEvents(sql, 1001, 1020);
    await followToEnd(cloud, sql);
    const { position: before } = await sourceStatus(cloud);
    await reset();
    await writeEvents(sql, 1021, 1040);
    expect(await binlogEnd(sql)).toEqual({ file: before?.file, pos: before?.pos });
    expect(await gtidAt(sql, await binlogEnd(sql))).toBe(before?.gtid);
    await writeEvents(sql, 1041, 1045);
    await followToEnd(cloud, sql);
    expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
    const { position } = await sourceStatus(cloud);
    expect(position).toMatchObject({ fileMs: before?.fileMs, healed: { why: 'another history' } });
  });

  test('killed in the middle of a healing again and again, it loses nothing and repeats nothing', async () => {
    await using cloud = await tailedCloud(server.url);
    const { sql } = cloud;
    await writeEvents(sql, 1, 10);
    await followToEnd(cloud, sql);
    await writeEvents(sql, 11, 70);
    await sql.query('RESET MASTER');
    const options = { ...cloud.options, snapshotChunkRows: 5, sessionTimeoutMs: 2000 };
    for (let n = 0; n < 2; n++) {
      let rows = 0;
      await killTailWhen(options, (p) => p.phase === 'heal' && (rows = p.rows) > 10);
      expect(rows).toBeGreaterThan(10);
      expect((await sourceStatus(cloud)).state).toMatchObject({ state: 'healing', how: 'heal' });
      await writeEvents(sql, 71 + 5 * n, 75 + 5 * n);
    }
    await followToEnd(cloud, sql, { snapshotChunkRows: 5 });
    expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
  });

  test('a source of another cloud is refused, and the status says what to do', async () => {
    await using cloud = await tailedCloud(server.url);
    const { sql } = cloud;
    await writeEvents(sql, 1, 10);
    await followToEnd(cloud, sql);
    await sql.query('DELETE FROM usage_event_details; DELETE FROM usage_event');
    await sql.query('RESET MASTER');
    await writeEvents(sql, 1, 20, 'other');
    await expect(cloud.start().done).rejects.toMatchObject({ code: 'TAIL_SOURCE_REPLACED' });
    const { state } = await sourceStatus(cloud);
    expect(state).toMatchObject({ state: 'stopped', code: 'TAIL_SOURCE_REPLACED' });
    expect(state?.fix).toContain('--prefix');
    const ids = (await cloud.feed()).flatMap((e) => (e.kind === 'usage-event' ? [e.event.id] : []));
    expect(ids).toHaveLength(10);
  });

  test('an event that was changed under its id is a conflict, not another history', async () => {
    await using cloud = await tailedCloud(server.url);
    const { sql } = cloud;
    await writeEvents(sql, 1, 10);
    await followToEnd(cloud, sql);
    await sql.query(`UPDATE usage_event SET resource_name = 'forged' WHERE id = 4`);
    await sql.query('RESET MASTER');
    await followToEnd(cloud, sql);
    const { position } = await sourceStatus(cloud);
    expect(position).toMatchObject({ incarnation: 0, healed: { conflicts: 1, events: 1 } });
    const fourth = (await cloud.feed()).flatMap((each) =>
      each.kind === 'usage-event' && each.event.id === '4' ? [each.event.resourceName] : [],
    );
    expect(fourth).toEqual(['vm-4', 'forged']);
  });

  test('a restored backup that gives ids out again begins an incarnation: both histories are kept apart', async () => {
    await using cloud = await tailedCloud(server.url);
    await writeEvents(cloud.sql, 1, 20);
    const [data, backup] = [join(server.dir, 'data'), join(server.dir, 'backup')];
    await server.stop();
    cpSync(data, backup, { recursive: true });
    await server.restart();
    const before = await openServer(server, cloud.cloudSchema);
    await writeEvents(before, 21, 40);
    await followToEnd(cloud, before);
    before.destroy();
    await server.stop();
    rmSync(data, { recursive: true });
    cpSync(backup, data, { recursive: true });
    rmSync(backup, { recursive: true });
    await server.restart();
    const sql = await openServer(server, cloud.cloudSchema);
    await writeEvents(sql, 21, 60, 'new');
    await followToEnd(cloud, sql);
    await writeEvents(sql, 61, 62, 'new');
    await followToEnd(cloud, sql);
    const ended = await expectFeedHasTable(cloud, sql);
    expect(ended).toEqual(Array.from({ length: 20 }, (_, i) => [String(21 + i), 0]));
    expect((await sourceStatus(cloud)).position).toMatchObject({
      incarnation: 1,
      cuts: [{ incarnation: 1, aboveId: '20' }],
      healed: { newIncarnation: true, conflicts: 0 },
    });
    sql.destroy();
  });
});

describe.skipIf(!canStartMariaDb())('on a primary with a replica', () => {
  let primary: LocalServer;
  let replica: LocalServer;
  beforeAll(async () => {
    [primary, replica] = await Promise.all([
      startMariaDb({ settings: small }),
      startMariaDb({
        settings: { ...small, server_id: '2', log_bin: 'other-bin', log_slave_updates: 'ON' },
      }),
    ]);
    const root = await openServer(replica);
    const { password } = parseMysqlUrl(primary.url);
    await root.query(
      `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${primary.port},
         MASTER_USER = 'root', MASTER_PASSWORD = '${password}', MASTER_USE_GTID = slave_pos;
       START SLAVE`,
    );
    root.destroy();
  });
  afterAll(async () => {
    await primary[Symbol.asyncDispose]();
    await replica[Symbol.asyncDispose]();
  });

  test('waits for a replica that is behind, goes on by GTID, and after a promotion that lost changes heals', async () => {
    await using cloud = await tailedCloud(primary.url);
    const there = await openServer(replica);
    const source = parseMysqlUrl(replica.url);
    await writeEvents(cloud.sql, 1, 10);
    await arrive(cloud.sql, there);
    await there.query('STOP SLAVE SQL_THREAD; SET GLOBAL read_only = ON');
    await writeEvents(cloud.sql, 11, 20);
    await followToEnd(cloud, cloud.sql);

    const tail = cloud.start({ source });
    const code = async () => (await sourceStatus(cloud)).state?.code;
    await expect.poll(code, { timeout: 30_000 }).toBe('SOURCE_BEHIND');
    await there.query('START SLAVE SQL_THREAD; SET GLOBAL read_only = OFF');
    await arrive(cloud.sql, there);
    await caughtUpWith(tail, there);
    expect((await sourceStatus(cloud)).state).toMatchObject({ state: 'following', how: 'gtid' });
    await writeEvents(cloud.sql, 21, 25);
    await arrive(cloud.sql, there);
    await caughtUpWith(tail, there);
    await tail.stop();
    expect(await expectFeedHasTable(cloud, there)).toEqual([]);
    expect((await sourceStatus(cloud)).position).toMatchObject({ serverId: 2, incarnation: 0 });

    // Back to the primary by GTID; then it is lost with what the replica never got.
    await writeEvents(cloud.sql, 26, 27);
    await arrive(cloud.sql, there);
    await there.query('STOP SLAVE');
    await writeEvents(cloud.sql, 28, 30);
    await followToEnd(cloud, cloud.sql);
    expect((await sourceStatus(cloud)).state).toMatchObject({ how: 'gtid' });
    await there.query(`RESET SLAVE ALL; USE ${cloud.cloudSchema}`);
    await writeEvents(there, 28, 35, 'promoted');
    await followToEnd(cloud, there, { source });
    expect(await expectFeedHasTable(cloud, there)).toEqual([
      ['28', 0],
      ['29', 0],
      ['30', 0],
    ]);
    expect((await sourceStatus(cloud)).position).toMatchObject({
      serverId: 2,
      healed: { newIncarnation: true },
    });
    there.destroy();
  });
});

/** The replica has applied all that the primary has written. */
async function arrive(from: Connection, to: Connection): Promise<void> {
  const [rows] = await from.query('SELECT @@gtid_binlog_pos at');
  const [waited] = await to.query('SELECT MASTER_GTID_WAIT(?, 20) late', [
    (rows as { at: string }[])[0]!.at,
  ]);
  expect(waited).toEqual([{ late: 0 }]);
}

async function status(sql: Connection): Promise<{ file: string }> {
  const [rows] = await sql.query('SHOW MASTER STATUS');
  return { file: (rows as { File: string }[])[0]!.File };
}
