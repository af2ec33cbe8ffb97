import { describe, expect, test, vi } from 'vitest';
import type { Connection, RowDataPacket } from '../../src/platform/mysql.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import { caughtUpWith, expectFeedHasTable, sourceStatus } from '../support/feed-and-table.ts';
import { canRunGalera, startGalera } from '../support/galera.ts';
import type { Galera } from '../support/galera.ts';
import { canStartMariaDb } from '../support/servers.ts';
import { followToEnd, openServer, writeEvents } from '../support/source-story.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 90_000 });

const small = { innodb_buffer_pool_size: '32M', innodb_log_file_size: '8M' };

describe.skipIf(!canStartMariaDb() || !canRunGalera())('in a Galera cluster', () => {
  test.each([
    { why: 'that gives GTIDs together is gone on with by GTID', gtidMode: true, how: 'gtid' },
    { why: 'that counts GTIDs by itself is healed by id', gtidMode: false, how: 'heal' },
  ])('the node that is left, of a cluster $why, when ours is killed', async ({ gtidMode, how }) => {
    await using cluster = await startGalera(gtidMode, small);
    const [first, second] = cluster.nodes;
    await using cloud = await tailedCloud(second.url);
    const there = cloud.sql;
    const here = await openServer(first, cloud.cloudSchema);
    // What the other has committed is waited for.
    for (const node of [here, there]) await node.query('SET SESSION wsrep_sync_wait = 7');
    // Transactions that no other node has: where each counts by itself, the numbers drift apart.
    if (!gtidMode)
      await here.query(
        `SET SESSION wsrep_on = OFF; CREATE DATABASE own_${cloud.cloudSchema};
       CREATE TABLE own_${cloud.cloudSchema}.t (id INT); DROP DATABASE own_${cloud.cloudSchema};
       SET SESSION wsrep_on = ON`,
      );
    await writeEvents(here, 1, 5);
    await writeEvents(there, 6, 10);
    const tail = cloud.start({ source: parseMysqlUrl(first.url) });
    await caughtUpWith(tail, here);
    await writeEvents(here, 11, 15);
    await writeEvents(there, 16, 20);
    expect(await count(here)).toBe(20);
    await caughtUpWith(tail, here);
    expect((await sourceStatus(cloud)).position).toMatchObject({ serverId: 11 });

    await tail.stop();
    if (gtidMode) await readBeforeApplied(cloud, cluster);
    await first.stop('SIGKILL');
    here.destroy();
    await writeEvents(there, 21, 30);
    await followToEnd(cloud, there);
    await writeEvents(there, 31, 33);
    await followToEnd(cloud, there);
    expect(await expectFeedHasTable(cloud, there)).toEqual([]);
    const { position, state } = await sourceStatus(cloud);
    expect(state).toMatchObject({ state: 'following', how: 'position' });
    expect(position).toMatchObject({ serverId: 12, incarnation: 0 });
    expect(position?.healed === null ? 'gtid' : 'heal').toBe(how);
  });
});

/** What was read from one node before the other has applied it is waited for there, not taken for lost. */
async function readBeforeApplied(cloud: TailedCloud, { nodes }: Galera): Promise<void> {
  const [here, there] = await Promise.all([
    openServer(nodes[0], cloud.cloudSchema),
    openServer(nodes[1], cloud.cloudSchema),
  ]);
  await there.query("SET GLOBAL wsrep_provider_options = 'repl.causal_read_timeout=PT1S'");
  await there.query('FLUSH TABLES WITH READ LOCK');
  await writeEvents(here, 100, 101);
  await followToEnd(cloud, here, { source: parseMysqlUrl(nodes[0].url) });
  const tail = cloud.start();
  await expect
    .poll(async () => (await sourceStatus(cloud)).state?.code, { timeout: 20_000 })
    .toBe('SOURCE_BEHIND');
  await there.query('UNLOCK TABLES');
  await tail.when(({ phase }) => phase === 'stream');
  await tail.stop();
  for (const each of [here, there]) each.destroy();
}

async function count(sql: Connection): Promise<number> {
  const [rows] = await sql.query<RowDataPacket[]>('SELECT COUNT(*) n FROM usage_event');
  return Number(rows[0]?.['n']);
}
