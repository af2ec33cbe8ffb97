import { createConnection } from 'mysql2/promise';
import { expect, test, vi } from 'vitest';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { Connection } from '../../src/platform/mysql.ts';
import { expectFeedHasTable, sourceStatus } from '../support/feed-and-table.ts';
import { grantedUser } from '../support/granted-user.ts';
import { killTailWhen } from '../support/killable-tail.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { RunningTail, TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000 });

const poll = { sourceMode: 'poll', pollMs: 20, pollWindowMs: 2000 } as const;

async function write(sql: Connection, from: number, to: number): Promise<void> {
  for (let id = from; id <= to; id++) {
    await insertEvent(sql, { id, account_id: 2 + (id % 5), resource_name: `vm-${id}` });
    await sql.query('INSERT INTO usage_event_details SET ?', {
      usage_event_id: id,
      name: 'cpuNumber',
      value: String(id),
    });
  }
}

const other = (cloud: TailedCloud): Promise<Connection> =>
  createConnection({ ...mysqlOptions(cloud.target), database: cloud.cloudSchema });

/** A whole poll after this call has been committed: the second watermark from now on is of one. */
async function polled(tail: RunningTail): Promise<void> {
  const from = tail.progress.length;
  const marks = () =>
    new Set(
      tail.progress.slice(from).map((each) => ('watermarkMs' in each ? each.watermarkMs : null)),
    );
  await tail.when(() => marks().size > 3);
}

test('events, details and what has changed come by polling, and what commits late is found within the window', async () => {
  await using cloud = await tailedCloud();
  const { sql } = cloud;
  await sql.query(`INSERT INTO account (id, account_name, type) VALUES (2, 'a', 0), (3, 'b', 0)`);
  await write(sql, 1, 10);
  const tail = cloud.start(poll);
  await polled(tail);
  // Two transactions take ids; the second one commits first, and is read before the first one commits.
  const slow = await other(cloud);
  await slow.query('START TRANSACTION');
  await write(slow, 11, 13);
  await write(sql, 14, 20);
  await sql.query(`UPDATE account SET account_name = 'c' WHERE id = 3`);
  await polled(tail);
  await slow.query('COMMIT');
  await polled(tail);
  await slow.end();
  await tail.stop();
  expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
  const accounts = (await cloud.feed()).flatMap((each) =>
    each.kind === 'account' ? [each.account.name] : [],
  );
  // Once by the snapshot, once by the first poll, and then only what has changed.
  expect(accounts).toEqual(
    ['a', 'b', 'a', 'b', 'c'].toSorted((a, b) => accounts.indexOf(a) - accounts.indexOf(b)),
  );
  const { state, position } = await sourceStatus(cloud);
  expect(state).toMatchObject({ state: 'polling', how: 'poll' });
  expect(position).toMatchObject({ file: 'poll', healed: null });
});

test('the watermark stays a window behind the clock, and never goes back', async () => {
  await using cloud = await tailedCloud();
  const tail = cloud.start(poll);
  await polled(tail);
  const before = Date.now();
  await polled(tail);
  await tail.stop();
  const marks = (await cloud.feed()).flatMap((each) => each.watermarkMs ?? []);
  expect(Math.max(...marks)).toBeLessThanOrEqual(Date.now() - poll.pollWindowMs);
  expect(Math.max(...marks)).toBeGreaterThan(before - poll.pollWindowMs - 20_000);
});

test('killed in the middle of polls, it loses nothing and repeats no event', async () => {
  await using cloud = await tailedCloud();
  await write(cloud.sql, 1, 20);
  const options = { ...cloud.options, ...poll, snapshotChunkRows: 3, sessionTimeoutMs: 2000 };
  await killTailWhen(options, (p) => p.phase === 'snapshot' && p.rows > 5);
  await write(cloud.sql, 21, 60);
  await killTailWhen(options, (p) => p.phase === 'stream' && p.changes > 20);
  const writing = write(cloud.sql, 61, 90);
  await killTailWhen(options, (p) => p.phase === 'stream' && p.changes > 3);
  await writing;
  const last = cloud.start(options);
  await polled(last);
  await last.stop();
  expect(await expectFeedHasTable(cloud, cloud.sql)).toEqual([]);
});

test('from polling to the binlog and back nothing is lost: both ways by id', async () => {
  await using cloud = await tailedCloud();
  const { sql } = cloud;
  await write(sql, 1, 5);
  // With the rights of the tail's grants and no others.
  await using user = await grantedUser('tail', { cloud: cloud.cloudSchema });
  const source = parseMysqlUrl(user.url);
  const polls = cloud.start({ ...poll, source });
  await polled(polls);
  await polls.stop();
  await write(sql, 6, 8);
  const follows = cloud.start({ source });
  await follows.when((each) => each.phase === 'heal');
  await write(sql, 9, 10);
  await follows.whenCaughtUp();
  await follows.stop();
  expect((await sourceStatus(cloud)).position?.healed).toMatchObject({
    why: 'no place in a binlog',
  });
  await write(sql, 11, 15);
  const again = cloud.start(poll);
  await polled(again);
  await again.stop();
  expect(await expectFeedHasTable(cloud, sql)).toEqual([]);
});
