import { describe, expect, test, vi } from 'vitest';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { expectFeedHasTable, sourceStatus } from '../support/feed-and-table.ts';
import { flavours } from '../support/flavours.ts';
import { followToEnd, writeEvents } from '../support/source-story.ts';
import { killTailWhen } from '../support/killable-tail.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const writeCounter = ({ sql }: TailedCloud, id: number) =>
  sql.query('INSERT INTO user_statistics SET ?', {
    id,
    data_center_id: 1,
    account_id: 2,
    device_id: id,
    device_type: 'DomainRouter',
    agg_bytes_sent: 1,
  });

/** What a reader of the raw topic takes for the table, and the table: one column of each row by its id. */
async function lastStates(cloud: TailedCloud, table: string, column: string) {
  const read = new Map<string, string>();
  for (const { key, value } of await cloud.raw(table)) {
    const { id } = JSON.parse(key) as { id: number };
    const { after } = JSON.parse(value ?? '{"after":null}') as {
      after: Record<string, unknown> | null;
    };
    if (after === null) read.delete(String(id));
    else read.set(String(id), String(after[column]));
  }
  const [rows] = await cloud.sql.query<RowDataPacket[]>(
    `SELECT id, ${column} AS value FROM ${table} ORDER BY id`,
  );
  return { read, is: new Map(rows.map((row) => [String(row['id']), String(row['value'])])) };
}

describe.each(await flavours())('on $flavour', ({ url }) => {
  test.each([
    { what: 'updated', sizes: ['1', '1', '1', '9'], change: 'UPDATE usage_event SET size = 9' },
    {
      what: 'updated twice and then deleted',
      sizes: ['1', '1', '1', '8', '9'],
      change: `UPDATE usage_event SET size = 8 WHERE id = 3; UPDATE usage_event SET size = 9
               WHERE id = 3; DELETE FROM usage_event`,
    },
  ])('the newest event $what while nobody reads is the same history', async ({ change, sizes }) => {
    await using cloud = await tailedCloud(url);
    const { sql } = cloud;
    for (const id of [1, 2, 3]) await insertEvent(sql, { id, size: 1 });
    await writeCounter(cloud, 7);
    await followToEnd(cloud, sql);
    // What lies between is read as well.
    await sql.query('UPDATE user_statistics SET agg_bytes_sent = 500');
    await sql.query('DELETE FROM user_statistics');
    await sql.query(`${change} WHERE id = 3`);
    await followToEnd(cloud, sql);

    const { position, state } = await sourceStatus(cloud);
    expect(position).toMatchObject({ incarnation: 0, cuts: [], healed: null });
    expect(state).toMatchObject({ state: 'following', how: 'position' });
    const feed = await cloud.feed();
    const events = feed.flatMap((each) => (each.kind === 'usage-event' ? [each] : []));
    expect(events.map(({ event }) => event.size)).toEqual(sizes);
    expect(new Set(events.map(({ origin }) => origin.incarnation))).toEqual(new Set([0]));
    const counters = feed.flatMap((each) => (each.kind === 'counter' ? [each.present] : []));
    expect(counters).toEqual([true, true, false]);
    for (const [table, column] of [
      ['usage_event', 'size'],
      ['user_statistics', 'agg_bytes_sent'],
    ] as const) {
      const { read, is } = await lastStates(cloud, table, column);
      expect(read).toEqual(is);
    }
  });

  test('a newest event that differs without a change in the binlog is another history, wherever we are', async () => {
    await using cloud = await tailedCloud(url);
    const { sql } = cloud;
    await writeEvents(sql, 1, 5);
    await followToEnd(cloud, sql);
    // File, byte, GTID and the number of the last commit are ours.
    await sql.query(`SET sql_log_bin = 0; UPDATE usage_event SET resource_name = 'other'
                     WHERE id = 5; SET sql_log_bin = 1`);
    await sql.query(`UPDATE usage_event SET resource_name = 'more' WHERE id = 5`);
    await followToEnd(cloud, sql);
    const { position } = await sourceStatus(cloud);
    expect(position).toMatchObject({ healed: { why: 'newest event differs' } });
    expect(await expectFeedHasTable(cloud, sql)).toEqual([['5', 0]]);
  });

  test('rows that are changed and deleted while a snapshot is killed and goes on end as they are in the table', async () => {
    await using cloud = await tailedCloud(url);
    const { sql } = cloud;
    for (let id = 1; id <= 40; id++) {
      await insertEvent(sql, { id, account_id: 2 + (id % 3), size: 1 });
      await writeCounter(cloud, id);
    }
    let value = 100;
    const change = async (from: number) => {
      for (let id = from; id <= 40; id += 5) {
        value += 1;
        await sql.query('UPDATE user_statistics SET agg_bytes_sent = ? WHERE id = ?', [value, id]);
        await sql.query('UPDATE usage_event SET size = ? WHERE id = ?', [value, id]);
      }
      await sql.query('DELETE FROM user_statistics WHERE id = ?', [from + 30]);
      await sql.query('DELETE FROM usage_event WHERE id = ?', [from + 31]);
      await insertEvent(sql, { account_id: 3, size: value });
      await writeCounter(cloud, value);
    };
    const options = { ...cloud.options, snapshotChunkRows: 2, sessionTimeoutMs: 2000 };
    // Within the counters, and within the events.
    await killTailWhen(options, (each) => each.phase === 'snapshot' && each.rows >= 10);
    await change(1);
    const changing = (async () => {
      await change(2);
      await change(3);
    })();
    await killTailWhen(options, (each) => each.phase === 'snapshot' && each.rows >= 60);
    await changing;
    // The newest event that the killed one has read.
    await sql.query('UPDATE usage_event SET size = 7 WHERE id > 5');
    await sql.query('DELETE FROM usage_event WHERE id > 15');
    const tail = cloud.start({ snapshotChunkRows: 2 });
    await change(4);
    await change(5);
    await tail.whenCaughtUp();
    await tail.stop();

    expect((await sourceStatus(cloud)).position).toMatchObject({ incarnation: 0, healed: null });
    for (const [table, column] of [
      ['usage_event', 'size'],
      ['user_statistics', 'agg_bytes_sent'],
    ] as const) {
      const { read, is } = await lastStates(cloud, table, column);
      expect(is.size).toBeGreaterThan(10);
      expect(new Map([...read].toSorted((a, b) => Number(a[0]) - Number(b[0])))).toEqual(is);
    }
  });
});
