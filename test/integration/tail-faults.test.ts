import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createConnection } from 'mysql2/promise';
import type { ErrorCode } from '../../src/contracts/error-codes.ts';
import { isAppError } from '../../src/platform/errors.ts';
import { compareBinlogPoints } from '../../src/tail/binlog-point.ts';
import type { BinlogPoint } from '../../src/tail/binlog-point.ts';
import { encodePosition, readPosition } from '../../src/tail/position.ts';
import type { PositionRecord } from '../../src/tail/position.ts';
import { canStartMariaDb, startMariaDb } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { purgeBinlogs } from '../support/purge-binlogs.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const eventIds = async (cloud: TailedCloud) =>
  (await cloud.feed()).flatMap((each) => (each.kind === 'usage-event' ? [each.event.id] : []));

const fails = (done: Promise<unknown>, code: ErrorCode, facts: object = {}) =>
  expect(done).rejects.toSatisfy(
    (error) => isAppError(error, code) && (expect(error.facts).toMatchObject(facts), true),
  );

/** Makes sure that what was committed before a fault was kept, and that nothing after it was. */
async function stopsBefore(cloud: TailedCloud, spoil: () => Promise<unknown>, facts: object) {
  const tail = cloud.start();
  await tail.whenCaughtUp();
  await insertEvent(cloud.sql, { id: 1 });
  await spoil();
  await insertEvent(cloud.sql, { id: 3 });
  await fails(tail.done, 'TAIL_UNDECODABLE', facts);
  expect(await eventIds(cloud)).toEqual(['1']);
  // The place is before the change, so that nothing is lost when it is started again: it stops there again.
  const again = await cloud.start().done.catch((error: unknown) => error);
  expect(again).toMatchObject({ code: 'TAIL_UNDECODABLE', facts });
  const { signal } = new AbortController();
  const position = (await readPosition(cloud.log, cloud.prefix, cloud.prefix, signal))!;
  const before = isAppError(again) ? (again.facts as unknown as BinlogPoint) : position;
  expect(compareBinlogPoints(position, before)).toBeLessThanOrEqual(0);
}

const event =
  "INSERT INTO usage_event (type, account_id, created, zone_id) VALUES ('X', 2, NOW(), 1)";

describe('a change that cannot be read stops the tailer before its position moves', () => {
  test('rows without all their columns', async () => {
    await using cloud = await tailedCloud();
    const spoil = () =>
      cloud.sql.query(
        "SET SESSION binlog_row_image = 'MINIMAL'; UPDATE usage_event SET processed = 1 WHERE id = 1; SET SESSION binlog_row_image = 'FULL'",
      );
    await stopsBefore(cloud, spoil, {
      reason: 'a row image is not complete',
      table: `${cloud.cloudSchema}.usage_event`,
      fix: expect.stringContaining('binlog_row_image'),
    });
  });

  test('a statement instead of rows', async () => {
    await using cloud = await tailedCloud();
    const spoil = () =>
      cloud.sql.query(
        `SET SESSION binlog_format = 'STATEMENT'; ${event}; SET SESSION binlog_format = 'ROW'`,
      );
    await stopsBefore(cloud, spoil, {
      reason: 'a captured table was changed by a statement, not by rows',
      fix: expect.stringContaining('binlog_format'),
    });
  });

  test('a captured table that has lost a column', async () => {
    await using cloud = await tailedCloud();
    const tail = cloud.start();
    await tail.whenCaughtUp();
    await cloud.sql.query('ALTER TABLE usage_event DROP COLUMN offering_id');
    await insertEvent(cloud.sql, { id: 1 });
    const facts = { table: `${cloud.cloudSchema}.usage_event`, missing: ['offering_id'] };
    await fails(tail.done, 'SOURCE_SCHEMA_MISMATCH', facts);
    await fails(cloud.start().done, 'SOURCE_SCHEMA_MISMATCH', { tables: [facts] });
    expect(await eventIds(cloud)).toEqual([]);
  });
});

test('changes before and after an ALTER are read with the columns they were written with', async () => {
  await using cloud = await tailedCloud();
  const { sql } = cloud;
  const first = cloud.start();
  await first.whenCaughtUp();
  await first.stop();
  await insertEvent(sql, { id: 1, resource_name: 'before' });
  await sql.query(`ALTER TABLE usage_event ADD COLUMN extra VARCHAR(10) FIRST, DROP COLUMN vm_id,
    MODIFY COLUMN resource_name VARCHAR(255) CHARACTER SET latin1 AFTER size`);
  await insertEvent(sql, { id: 2, resource_name: 'äfter', extra: 'x' });
  const tail = cloud.start();
  await tail.whenCaughtUp();
  await tail.stop();
  const names = (await cloud.feed()).flatMap((each) =>
    each.kind === 'usage-event' ? [[each.event.id, each.event.resourceName]] : [],
  );
  expect(names).toEqual([
    ['1', 'before'],
    ['2', 'äfter'],
  ]);
  const raw = await cloud.raw('usage_event');
  expect(raw[1]!.value).toContain('"size":null,"resource_name":"äfter","resource_type":null');
  expect(raw[1]!.value).not.toContain('extra');
});

test('a transaction larger than memory comes whole and once, rolled back ones not at all', async () => {
  await using cloud = await tailedCloud();
  const { sql } = cloud;
  const small = { maxQueueBytes: 64 * 1024, commitBytes: 64 * 1024 };
  const tail = cloud.start(small);
  await tail.whenCaughtUp();
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => [
      from + i,
      'VM.START',
      2 + (i % 5),
      '2026-03-01',
      1,
      'x'.repeat(100),
    ]);
  const insert =
    'INSERT INTO usage_event (id, type, account_id, created, zone_id, resource_name) VALUES ?';
  await sql.query('START TRANSACTION');
  await sql.query(insert, [rows(1, 3000)]);
  await sql.query('ROLLBACK');
  // A temporary table makes the server log the rows, and a ROLLBACK after them.
  await sql.query('START TRANSACTION');
  await sql.query(insert, [rows(1, 3000)]);
  await sql.query('CREATE TEMPORARY TABLE scratch (id INT); ROLLBACK');
  await sql.query('START TRANSACTION');
  await sql.query(insert, [rows(5001, 9000)]);
  await sql.query('COMMIT');
  await insertEvent(sql, { id: 10_000 });
  await tail.whenCaughtUp();
  await tail.stop();
  const ids = (await eventIds(cloud)).map(Number).toSorted((a, b) => a - b);
  expect(ids).toEqual([...Array.from({ length: 4000 }, (_, i) => 5001 + i), 10_000]);
  expect(await cloud.raw('usage_event')).toHaveLength(4001);
});

test('a feed made with other partitions is refused', async () => {
  await using cloud = await tailedCloud();
  const tail = cloud.start();
  await tail.whenCaughtUp();
  await tail.stop();
  await fails(cloud.start({ feedPartitions: 4 }).done, 'LOG_TOPIC_MISMATCH');
});

test('wrong credentials are told, an unreachable source is tried again or told at once', async () => {
  await using cloud = await tailedCloud();
  const wrong = { ...cloud.target, password: 'wrong' };
  await fails(cloud.start({ source: wrong }).done, 'SOURCE_ACCESS_DENIED', { user: wrong.user });
  const nowhere = { ...cloud.target, port: 1 };
  await fails(cloud.start({ source: nowhere, failFast: true }).done, 'SOURCE_UNREACHABLE', {
    port: 1,
  });
  const patient = cloud.start({ source: nowhere });
  await expect
    .poll(async () => (await patient.metrics.retries.get()).values[0]?.value, { timeout: 20_000 })
    .toBeGreaterThan(1);
  expect(await patient.stop()).toEqual({ reason: 'stopped' });
});

describe.skipIf(!canStartMariaDb())('on a server that is hurt', () => {
  let server: LocalServer;
  beforeAll(async () => {
    server = await startMariaDb({
      settings: { innodb_buffer_pool_size: '64M', innodb_log_file_size: '16M' },
    });
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  test('a killed connection and a killed server are survived, each row once', async () => {
    await using cloud = await tailedCloud(server.url);
    const tail = cloud.start();
    for (let id = 1; id <= 20; id++) await insertEvent(cloud.sql, { id });
    await tail.whenCaughtUp();
    const dumps = async () => {
      const [found] = await cloud.sql.query(
        "SELECT ID id FROM information_schema.PROCESSLIST WHERE COMMAND = 'Binlog Dump'",
      );
      return found as { id: string }[];
    };
    // What there was may have come by the snapshot: the binlog is asked for a moment later.
    await expect.poll(dumps, { timeout: 10_000 }).toHaveLength(1);
    await cloud.sql.query(`KILL ${(await dumps())[0]!.id}`);
    for (let id = 21; id <= 40; id++) await insertEvent(cloud.sql, { id });
    await tail.whenCaughtUp();
    expect((await tail.metrics.retries.get()).values).toMatchObject([
      { labels: { code: 'SOURCE_UNREACHABLE' } },
    ]);
    await tail.stop();
    expect((await eventIds(cloud)).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 40 }, (_, i) => String(i + 1)),
    );
  });

  test('a place that was purged, and another history at the same place, are told apart from the rest', async () => {
    await using cloud = await tailedCloud(server.url);
    const first = cloud.start();
    await insertEvent(cloud.sql, { id: 1 });
    await first.whenCaughtUp();
    await first.stop();
    await insertEvent(cloud.sql, { id: 2 });
    await purgeBinlogs(cloud.sql);
    await fails(cloud.start({ onSourceChange: 'stop' }).done, 'TAIL_POSITION_PURGED', {
      reason: 'purged',
    });
    expect(await eventIds(cloud)).toEqual(['1']);

    // The same file and byte, but not what was there when the position was written.
    const { signal } = new AbortController();
    const stored = (await readPosition(cloud.log, cloud.prefix, cloud.prefix, signal))!;
    const [status] = await cloud.sql.query('SHOW MASTER STATUS');
    const { File: file, Position: pos } = (status as { File: string; Position: string }[])[0]!;
    await write(cloud, { ...stored, file, pos: Number(pos), gtid: '0-1-1' });
    await fails(cloud.start({ onSourceChange: 'stop' }).done, 'TAIL_POSITION_PURGED', {
      reason: 'another history',
      gtid: '0-1-1',
    });
  });

  test('on another server of the replication it goes on by GTID', async () => {
    await using cloud = await tailedCloud(server.url);
    const first = cloud.start();
    await insertEvent(cloud.sql, { id: 1 });
    await first.whenCaughtUp();
    await first.stop();
    await insertEvent(cloud.sql, { id: 2 });
    // As if it had been written on a server with another id and other files.
    const { signal } = new AbortController();
    const stored = (await readPosition(cloud.log, cloud.prefix, cloud.prefix, signal))!;
    await write(cloud, { ...stored, serverId: 99, file: 'other-bin.000123', pos: 4711 });
    const second = cloud.start();
    await second.whenCaughtUp();
    await insertEvent(cloud.sql, { id: 3 });
    await second.whenCaughtUp();
    await second.stop();
    // At the very start of a new file.
    await cloud.sql.query('FLUSH BINARY LOGS');
    const rotated = cloud.start();
    await rotated.whenCaughtUp();
    await rotated.stop();
    const third = cloud.start();
    await insertEvent(cloud.sql, { id: 4 });
    await third.whenCaughtUp();
    await third.stop();
    expect(await eventIds(cloud)).toEqual(['1', '2', '3', '4']);
  });

  test('a binlog without the description of its columns is not guessed at', async () => {
    await using cloud = await tailedCloud(server.url);
    const root = await createConnection(server.url);
    try {
      const spoil = () =>
        cloud.sql.query(
          `SET GLOBAL binlog_row_metadata = 'NO_LOG'; ${event}; SET GLOBAL binlog_row_metadata = 'FULL'`,
        );
      await stopsBefore(cloud, spoil, { fix: expect.stringContaining('binlog_row_metadata') });
    } finally {
      await root.query("SET GLOBAL binlog_row_metadata = 'FULL'");
      await root.end();
    }
  });

  test('a server that stops and comes back is followed from where it was', async () => {
    await using cloud = await tailedCloud(server.url);
    const tail = cloud.start({ heartbeatMs: 500 });
    await insertEvent(cloud.sql, { id: 1 });
    await tail.whenCaughtUp();
    await server.restart();
    const again = await createConnection({ uri: server.url, database: cloud.cloudSchema });
    await again.query(event);
    await tail.when((each) => each.phase === 'stream' && each.changes === 1);
    await again.end();
    await tail.stop();
    expect(await eventIds(cloud)).toEqual(['1', '2']);
  });
});

async function write(cloud: TailedCloud, record: PositionRecord): Promise<void> {
  await using writer = await cloud.log.writer({ transactionalId: `${cloud.prefix}-tail` });
  const transaction = await writer.begin();
  await transaction.append([encodePosition(cloud.prefix, record)]);
  await transaction.commit();
}
