import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { preflightTarget } from '../../src/tail/preflight.ts';
import { transactionAt } from '../../src/tail/mysql-transaction-at.ts';
import { readPosition } from '../../src/tail/position.ts';
import { binlogEnd } from '../../src/tail/server-facts.ts';
import { mysqlUrl } from '../support/mysql.ts';
import { randomSuffix } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const url = (await mysqlUrl()) ?? '';
const onMysql = test.skipIf(url === '');

const idsOf = async (cloud: TailedCloud) =>
  (await cloud.feed()).flatMap((each) =>
    each.kind === 'usage-event' ? [Number(each.event.id)] : [],
  );

onMysql('a source that is not ready is told each statement, and those help', async () => {
  await using cloud = await tailedCloud(url);
  const { sql, cloudSchema, target } = cloud;
  const look = (more = {}) =>
    preflightTarget(
      { target: { ...target, ...more }, cloudSchema, serverId: 4_000_000 },
      systemClock,
    );
  const wrong = async (more = {}) => (await look(more)).filter((each) => each.level !== 'ok');
  expect(await wrong()).toEqual([]);
  const user = `u${randomSuffix()}`;
  await sql.query(`CREATE USER ${user} IDENTIFIED BY 'p'`);
  try {
    const denied = await wrong({ user, password: 'p' });
    expect(denied.map((each) => each.check)).toEqual([
      'grant REPLICATION CLIENT',
      'grant REPLICATION SLAVE',
      'grant SELECT',
    ]);
    for (const { fix } of denied) await sql.query(fix!);
    expect(await wrong({ user, password: 'p' })).toEqual([]);
  } finally {
    await sql.query(`DROP USER ${user}`);
  }
});

onMysql('a tail logs in by caching_sha2_password, without TLS and with it', async () => {
  await using cloud = await tailedCloud(url);
  const { sql } = cloud;
  const user = `u${randomSuffix()}`;
  await sql.query(
    `CREATE USER ${user} IDENTIFIED WITH caching_sha2_password BY 'p'; GRANT ALL ON *.* TO ${user}`,
  );
  try {
    const plain = { ...cloud.target, user, password: 'p' };
    for (const [id, tls] of [undefined, { ca: undefined, verify: false }].entries()) {
      // The server forgets what it has seen of the password: the whole exchange is needed.
      await sql.query('FLUSH PRIVILEGES');
      const tail = cloud.start({ source: { ...plain, tls } });
      await insertEvent(sql, { id: id + 1 });
      await tail.whenCaughtUp();
      await tail.stop();
    }
    expect(await idsOf(cloud)).toEqual([1, 2]);
  } finally {
    await sql.query(`DROP USER ${user}`);
  }
});

onMysql('GTIDs, tagged ones too, stand in the records and in the place to go on from', async () => {
  await using cloud = await tailedCloud(url);
  const { sql } = cloud;
  const first = cloud.start();
  await first.whenCaughtUp();
  await insertEvent(sql, { id: 1 });
  await sql.query("SET gtid_next = 'AUTOMATIC:nightly'");
  await insertEvent(sql, { id: 2 });
  await sql.query("SET gtid_next = 'AUTOMATIC'");
  await insertEvent(sql, { id: 3 });
  await first.whenCaughtUp();
  await first.stop();
  const stored = await readPosition(
    cloud.log,
    cloud.prefix,
    cloud.prefix,
    new AbortController().signal,
  );
  const [[row]] = (await sql.query('SELECT GTID_SUBSET(?, @@GLOBAL.gtid_executed) within', [
    stored!.gtid,
  ])) as unknown as [[{ within: unknown }]];
  expect(Number(row.within)).toBe(1);
  expect(stored!.gtid).toContain(':nightly:');

  const second = cloud.start();
  await insertEvent(sql, { id: 4 });
  await second.whenCaughtUp();
  await second.stop();
  expect(new Set(await idsOf(cloud))).toEqual(new Set([1, 2, 3, 4]));
  const raw = (await cloud.raw('usage_event')).map((each) => JSON.parse(each.value!));
  const one = raw.find((each) => each.after.id === 2).source;
  expect(one.connector).toBe('mysql');
  expect(one.gtid).toMatch(/^[\da-f-]{36}:nightly:\d+$/);
  expect(one.thread).toBe(sql.threadId);
  expect(one.ts_ns).toBe(one.ts_us * 1000);
  // The commit's own microseconds, not whole seconds of a header.
  const plain = raw.find((each) => each.after.id === 1).source;
  expect(plain.gtid).toMatch(/^[\da-f-]{36}:\d+$/);
  expect([one, plain].some((each) => each.ts_us % 1_000_000 !== 0)).toBe(true);
  expect(Math.abs(one.ts_ms - Date.now())).toBeLessThan(600_000);
});

onMysql('compressed transactions are read as if they were not', async () => {
  await using cloud = await tailedCloud(url);
  const other = await createConnection({
    ...mysqlOptions(parseMysqlUrl(url)),
    multipleStatements: true,
  });
  const tail = cloud.start({ maxQueueBytes: 20_000 });
  await tail.whenCaughtUp();
  await other.query(`USE ${cloud.cloudSchema}; SET SESSION binlog_transaction_compression = ON`);
  // The second is of several MB, and is unpacked in parts.
  const rows = Array.from({ length: 3000 }, (_, i) => `(${i + 1}, 'VM.START', 2, NOW(), 1, 'é😀')`);
  const long = Array.from(
    { length: 8000 },
    (_, i) => `(${i + 10_001}, 'VM.START', 2, NOW(), 1, '${randomBytes(100).toString('hex')}')`,
  );
  for (const each of [rows, long])
    await other.query(
      `INSERT INTO usage_event (id, type, account_id, created, zone_id, resource_name)
       VALUES ${each.join()}`,
    );
  await other.query('BEGIN');
  await insertEvent(other, { id: 4000 });
  await other.query('UPDATE usage_event SET size = 7 WHERE id = 4000; COMMIT');
  await other.end();
  await insertEvent(cloud.sql, { id: 5000 });
  await tail.whenCaughtUp();
  await tail.stop();
  const ids = await idsOf(cloud);
  expect(new Set(ids).size).toBe(11_002);
  const raw = (await cloud.raw('usage_event')).map((each) => JSON.parse(each.value!));
  expect(raw).toHaveLength(11_003);
  // Places within a compressed transaction differ, too.
  expect(new Set(raw.map(({ source: s }) => `${s.file}:${s.pos}:${s.row}`)).size).toBe(11_003);
  expect(raw.find((each) => each.op === 'u').after.size).toBe(7);
});

onMysql('of every byte of a binlog it is known whether a transaction begins there', async () => {
  await using cloud = await tailedCloud(url);
  const { sql } = cloud;
  const { file, pos } = await binlogEnd(sql);
  await insertEvent(sql, { id: 1 });
  const [rows] = await sql.query<RowDataPacket[]>('SHOW BINLOG EVENTS IN ? FROM ?', [file, pos]);
  expect(rows.length).toBeGreaterThan(3);
  for (const { Pos: at, Event_type: type } of rows) {
    const found = await transactionAt(sql, { file, pos: Number(at) });
    const begins = String(type).startsWith('Gtid');
    expect(found.canBegin).toBe(begins);
    expect(found.gtid ?? '').toMatch(begins ? /^[\da-f-]{36}:/ : /^$/);
  }
  expect(await transactionAt(sql, { file, pos: pos + 1 })).toEqual({ canBegin: false, gtid: null });
  expect(await transactionAt(sql, { file, pos: 4 })).toEqual({ canBegin: true, gtid: null });
  // Others may have written meanwhile.
  expect(await transactionAt(sql, await binlogEnd(sql))).toMatchObject({ canBegin: true });
});
