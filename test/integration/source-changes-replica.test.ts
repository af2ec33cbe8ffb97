import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { preflightTarget } from '../../src/tail/preflight.ts';
import { serverClock } from '../../src/tail/server-facts.ts';
import { caughtUpWith, expectFeedHasTable, sourceStatus } from '../support/feed-and-table.ts';
import { grantedUser } from '../support/granted-user.ts';
import { replicatedFlavours, startReplicated } from '../support/replicated.ts';
import type { Replicated } from '../support/replicated.ts';
import { followToEnd, openServer, writeEvents } from '../support/source-story.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

describe.each(replicatedFlavours)('on $flavour', (words) => {
  let pair: Replicated;
  beforeAll(async () => void (pair = await startReplicated(words)));
  afterAll(() => pair?.[Symbol.asyncDispose]());

  test('no watermark passes what a replica has not applied', async () => {
    const { primary, replica, there } = pair;
    await using cloud = await tailedCloud(primary.url);
    await pair.arrive(cloud.sql);
    await there.query(`USE ${cloud.cloudSchema}`);
    const tail = cloud.start({ source: parseMysqlUrl(replica.url) });
    const from = await serverClock(there);
    await tail.when((each) => each.phase === 'stream' && (each.watermarkMs ?? 0) > from);
    const holder = await openServer(replica, cloud.cloudSchema);
    await holder.query('LOCK TABLES usage_event READ');
    await writeEvents(cloud.sql, 1, 10);
    // The commits are over: at this time at the latest.
    const committedMs = await serverClock(cloud.sql);
    const behind = async () => {
      const [rows] = await there.query<RowDataPacket[]>(words.status);
      return Number(rows[0]![words.behind]);
    };
    await expect.poll(behind, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    await holder.query('UNLOCK TABLES');
    holder.destroy();
    await pair.arrive(cloud.sql);
    await caughtUpWith(tail, there);
    // It goes on afterwards.
    await tail.when((each) => each.phase === 'stream' && (each.watermarkMs ?? 0) > committedMs);
    await tail.stop();
    const events = new Map<number, number>();
    for (const { kind, watermarkMs, partition } of await cloud.feed()) {
      if (kind === 'usage-event')
        expect(events.get(partition) ?? 0).toBeLessThanOrEqual(committedMs);
      events.set(partition, Math.max(events.get(partition) ?? 0, watermarkMs ?? 0));
    }
    expect(await expectFeedHasTable(cloud, there)).toEqual([]);
  });

  test('a newest event that was deleted meanwhile keeps nobody from going on by GTID', async () => {
    const { primary, replica, there } = pair;
    await using cloud = await tailedCloud(primary.url);
    await writeEvents(cloud.sql, 1, 5);
    await followToEnd(cloud, cloud.sql);
    await cloud.sql.query('DELETE FROM usage_event WHERE id = 5');
    await pair.arrive(cloud.sql);
    await followToEnd(cloud, there, { source: parseMysqlUrl(replica.url) });
    const { position, state } = await sourceStatus(cloud);
    expect(state).toMatchObject({ state: 'following', how: 'gtid' });
    expect(position).toMatchObject({ serverId: 2, incarnation: 0, healed: null });
    const deleted = (await cloud.raw('usage_event')).filter(({ value }) => value === null);
    expect(deleted.map(({ key }) => key)).toEqual(['{"id":5}']);
  });

  test('a writable replica with relay log to apply is waited for, a stopped one without is not', async () => {
    const { primary, replica, there } = pair;
    await using cloud = await tailedCloud(primary.url);
    const { cloudSchema } = cloud;
    // No more rights than the grants give.
    await using user = await grantedUser('tail', { cloud: cloudSchema }, primary.url);
    const source = { ...parseMysqlUrl(user.url), port: replica.port };
    await writeEvents(cloud.sql, 1, 10);
    await pair.arrive(cloud.sql);
    // The first holds up who applies changes, and nobody who reads; the other ends it.
    const holder = await openServer(replica, cloudSchema);
    await holder.query('SET sql_log_bin = 0');
    await insertEvent(holder, { id: 15 });
    await holder.query('LOCK TABLES usage_event READ');
    await writeEvents(cloud.sql, 11, 20);
    await pair.fetched(cloud.sql);
    await followToEnd(cloud, cloud.sql);
    await primary.stop('SIGKILL');

    const state = async () => (await sourceStatus(cloud)).state;
    const expectWaits = async (why: string) => {
      const waiting = cloud.start({ source });
      await expect.poll(state, { timeout: 20_000 }).toMatchObject({
        state: 'waiting',
        code: 'SOURCE_BEHIND',
        why: expect.stringContaining(why),
      });
      await waiting.stop();
    };
    await expectWaits("it applies another server's changes");
    await holder.query('UNLOCK TABLES');
    await expect.poll(lastApplied, { timeout: 20_000 }).toBe(14);
    await there.query(`STOP ${words.replica}`);
    await expectWaits('it has relay log that is not applied');
    await holder.query('DELETE FROM usage_event WHERE id = 15');
    holder.destroy();
    // A MariaDB throws its relay log away and asks for it again.
    await primary.restart();
    await there.query(`START ${words.replica}`);
    await expect.poll(lastApplied, { timeout: 20_000 }).toBe(20);
    await followToEnd(cloud, there, { source });
    expect(await expectFeedHasTable(cloud, there)).toEqual([]);
    expect(await state()).toMatchObject({ state: 'following', how: 'gtid' });
    expect((await sourceStatus(cloud)).position).toMatchObject({ incarnation: 0, healed: null });

    async function lastApplied(): Promise<number> {
      const [rows] = await there.query(
        `SELECT MAX(usage_event_id) id FROM ${cloudSchema}.usage_event_details`,
      );
      return Number((rows as { id: number }[])[0]!.id);
    }

    // What the replica never gets, which is stopped for good and keeps what it was told of the primary.
    await there.query(`STOP ${words.replica}`);
    const here = await openServer(primary, cloudSchema);
    await writeEvents(here, 21, 23);
    await followToEnd(cloud, here);
    await there.query(`USE ${cloudSchema}`);
    await writeEvents(there, 21, 25, 'promoted');
    await followToEnd(cloud, there, { source });
    const [told] = await there.query(words.status);
    expect(told).toHaveLength(1);
    expect(await expectFeedHasTable(cloud, there)).toEqual(['21', '22', '23'].map((id) => [id, 0]));
    expect((await sourceStatus(cloud)).position).toMatchObject({
      incarnation: 1,
      healed: { newIncarnation: true },
    });
    here.destroy();

    const look = () => preflightTarget({ target: source, cloudSchema, serverId: 77 }, systemClock);
    const rights = (found: Awaited<ReturnType<typeof look>>) =>
      found.filter(({ check }) => check === 'grant SLAVE MONITOR');
    expect(rights(await look())).toEqual([]);
    if (words.flavour === 'MySQL') return;
    await there.query(`REVOKE SLAVE MONITOR ON *.* FROM '${source.user}'@'%'`);
    expect(rights(await look())).toMatchObject([{ level: 'warning' }]);
  });
});
