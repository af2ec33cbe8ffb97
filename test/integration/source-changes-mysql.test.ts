import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startMysql } from '../../deploy/dev/mysql.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { Connection, RowDataPacket } from '../../src/platform/mysql.ts';
import { caughtUpWith, expectFeedHasTable, sourceStatus } from '../support/feed-and-table.ts';
import { mysqlPrograms } from '../support/mysql.ts';
import type { LocalServer } from '../support/servers.ts';
import { followToEnd, openServer, writeEvents } from '../support/source-story.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const programs = await mysqlPrograms();
const reset = 'RESET BINARY LOGS AND GTIDS';

describe.skipIf(programs === undefined)('on MySQL', () => {
  let primary: LocalServer;
  let replica: LocalServer;
  beforeAll(async () => {
    [primary, replica] = await Promise.all([start('1'), start('2')]);
  });
  afterAll(async () => {
    await primary?.[Symbol.asyncDispose]();
    await replica?.[Symbol.asyncDispose]();
  });
  const start = (serverId: string) =>
    startMysql({
      programs: programs!,
      settings: {
        server_id: serverId,
        log_bin: `bin-${serverId}`,
        innodb_buffer_pool_size: '32M',
        innodb_redo_log_capacity: '8M',
        performance_schema: 'OFF',
      },
    });

  test('a binlog that was reset, even while it is read, is never read from a wrong place', async () => {
    await using cloud = await tailedCloud(primary.url);
    const { sql } = cloud;
    const tail = cloud.start();
    await writeEvents(sql, 1, 10);
    await caughtUpWith(tail, sql);
    await sql.query(reset);
    await writeEvents(sql, 11, 20);
    await tail.when((each) => each.phase === 'heal');
    await caughtUpWith(tail, sql);
    await tail.stop();
    await writeEvents(sql, 21, 23);
    // The same file names and numbers, longer than what was read of them.
    await sql.query(reset);
    await writeEvents(sql, 24, 60);
    await followToEnd(cloud, sql);
    expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
    const { position } = await sourceStatus(cloud);
    expect(position).toMatchObject({ incarnation: 0, healed: { conflicts: 0, lostOnSource: 0 } });
  });

  test('what was purged unread is found by id', async () => {
    await using cloud = await tailedCloud(primary.url);
    const { sql } = cloud;
    // The next file is older by its letters.
    await sql.query(`${reset} TO 999999`);
    await writeEvents(sql, 1, 10);
    await followToEnd(cloud, sql);
    await writeEvents(sql, 11, 20);
    await sql.query('FLUSH BINARY LOGS');
    const newest = (await logs(sql)).at(-1);
    // Not before the server has seen that its reader has gone.
    const oldest = async () => {
      await sql.query(`PURGE BINARY LOGS TO '${newest}'`);
      return (await logs(sql))[0];
    };
    await expect.poll(oldest, { timeout: 30_000 }).toBe(newest);
    await writeEvents(sql, 21, 25);
    await followToEnd(cloud, sql);
    expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
    const { position, state } = await sourceStatus(cloud);
    expect(state).toMatchObject({ state: 'following', how: 'heal' });
    expect(position).toMatchObject({ incarnation: 0, healed: { why: 'purged', events: 15 } });
  });

  test('new files, a new server id and a new server_uuid over the same data are the same source', async () => {
    await using cloud = await tailedCloud(primary.url);
    await cloud.sql.query(`${reset} TO 999998`);
    await writeEvents(cloud.sql, 1, 5);
    await followToEnd(cloud, cloud.sql);
    await cloud.sql.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS; SET GLOBAL server_id = 77');
    await writeEvents(cloud.sql, 6, 10);
    await followToEnd(cloud, cloud.sql);
    expect((await sourceStatus(cloud)).state).toMatchObject({ how: 'position' });
    expect((await sourceStatus(cloud)).position).toMatchObject({
      serverId: 77,
      file: 'bin-1.1000000',
    });
    await writeEvents(cloud.sql, 11, 12);
    await primary.stop();
    rmSync(join(primary.dir, 'data/auto.cnf'));
    await primary.restart();
    const sql = await openServer(primary, cloud.cloudSchema);
    await writeEvents(sql, 13, 15);
    await followToEnd(cloud, sql);
    expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
    const { position, state } = await sourceStatus(cloud);
    expect(state).toMatchObject({ how: 'gtid' });
    expect(position).toMatchObject({ incarnation: 0, healed: null });
    sql.destroy();
  });

  test('a restored backup that gives ids out again begins an incarnation: both histories are kept apart', async () => {
    await using cloud = await tailedCloud(primary.url);
    await writeEvents(cloud.sql, 1, 10);
    const [data, backup] = [join(primary.dir, 'data'), join(primary.dir, 'backup')];
    await primary.stop();
    cpSync(data, backup, { recursive: true });
    await primary.restart();
    const before = await openServer(primary, cloud.cloudSchema);
    await writeEvents(before, 11, 20);
    await followToEnd(cloud, before);
    before.destroy();
    await primary.stop();
    rmSync(data, { recursive: true });
    cpSync(backup, data, { recursive: true });
    rmSync(backup, { recursive: true });
    await primary.restart();
    const sql = await openServer(primary, cloud.cloudSchema);
    // More than were lost: file, byte and GTIDs of the new history are beyond ours.
    await writeEvents(sql, 11, 40, 'new');
    await followToEnd(cloud, sql);
    await writeEvents(sql, 41, 42, 'new');
    await followToEnd(cloud, sql);
    const ended = await expectFeedHasTable(cloud, sql);
    expect(ended).toEqual(Array.from({ length: 10 }, (_, i) => [String(11 + i), 0]));
    expect((await sourceStatus(cloud)).position).toMatchObject({
      incarnation: 1,
      cuts: [{ incarnation: 1, aboveId: '10' }],
      healed: { why: 'newest event differs', newIncarnation: true, conflicts: 0 },
    });
    sql.destroy();
  });

  test('waits for a replica that is behind, goes on by GTID, and after a promotion that lost changes heals', async () => {
    const here = await openServer(primary);
    const there = await openServer(replica);
    for (const each of [here, there]) await each.query(reset);
    const { user, password } = parseMysqlUrl(primary.url);
    await there.query(
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = ${primary.port},
         SOURCE_USER = '${user}', SOURCE_PASSWORD = '${password}', SOURCE_AUTO_POSITION = 1,
         GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1;
       START REPLICA`,
    );
    await using cloud = await tailedCloud(primary.url);
    const source = parseMysqlUrl(replica.url);
    await writeEvents(cloud.sql, 1, 10);
    await arrive(cloud.sql, there);
    await there.query('STOP REPLICA SQL_THREAD; SET GLOBAL super_read_only = ON');
    await writeEvents(cloud.sql, 11, 20);
    await followToEnd(cloud, cloud.sql);

    const tail = cloud.start({ source });
    const code = async () => (await sourceStatus(cloud)).state?.code;
    await expect.poll(code, { timeout: 30_000 }).toBe('SOURCE_BEHIND');
    await there.query('START REPLICA SQL_THREAD');
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
    await there.query('STOP REPLICA');
    await writeEvents(cloud.sql, 28, 30);
    await followToEnd(cloud, cloud.sql);
    expect((await sourceStatus(cloud)).state).toMatchObject({ how: 'gtid' });
    expect(await expectFeedHasTable(cloud, cloud.sql)).toEqual([]);
    await there.query(
      `RESET REPLICA ALL; SET GLOBAL super_read_only = OFF, GLOBAL read_only = OFF; USE ${cloud.cloudSchema}`,
    );
    // Fewer than were lost, so that their newest is not there at all.
    await writeEvents(there, 28, 29, 'promoted');
    await followToEnd(cloud, there, { source });
    const lost = [28, 29, 30].map((id) => [String(id), 0]);
    expect(await expectFeedHasTable(cloud, there)).toEqual(lost);
    expect((await sourceStatus(cloud)).position).toMatchObject({
      serverId: 2,
      incarnation: 1,
      healed: { why: 'transactions lost', newIncarnation: true, lostOnSource: 1 },
    });
    await writeEvents(there, 30, 33, 'promoted');
    await followToEnd(cloud, there, { source });
    expect(await expectFeedHasTable(cloud, there)).toEqual(lost);
    for (const each of [here, there]) each.destroy();
  });
});

/** Names of the binlog files, oldest first. */
async function logs(sql: Connection): Promise<string[]> {
  const [rows] = await sql.query<RowDataPacket[]>('SHOW BINARY LOGS');
  return rows.map((row) => String(row['Log_name']));
}

/** The replica has applied all that the primary has written. */
async function arrive(from: Connection, to: Connection): Promise<void> {
  const [rows] = await from.query<RowDataPacket[]>('SELECT @@GLOBAL.gtid_executed executed');
  const [waited] = await to.query('SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 20) late', [
    rows[0]!['executed'],
  ]);
  expect(waited).toEqual([{ late: '0' }]);
}
