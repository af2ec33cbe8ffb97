import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { describe, expect, test, vi } from 'vitest';
import { isAppError } from '../../src/platform/errors.ts';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { sourceStatus } from '../support/feed-and-table.ts';
import { flavours } from '../support/flavours.ts';
import { randomSuffix } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

const places = await flavours();

async function session(url: string, cloud: TailedCloud): Promise<Connection> {
  const made = await createConnection({
    ...mysqlOptions(parseMysqlUrl(url)),
    multipleStatements: true,
  });
  await made.query(`USE ${cloud.cloudSchema}`);
  return made;
}

const idsOf = async (cloud: TailedCloud) =>
  (await cloud.feed())
    .flatMap((each) => (each.kind === 'usage-event' ? [Number(each.event.id)] : []))
    .toSorted((a, b) => a - b);

describe.each(places)('$flavour', ({ flavour, url }) => {
  const isMysql = flavour === 'MySQL';

  test('only what was committed comes: XA, savepoints, rollbacks, empty transactions', async () => {
    await using cloud = await tailedCloud(url);
    const { sql } = cloud;
    await sql.query('CREATE TABLE unsafe (id INT) ENGINE = MyISAM');
    // With such a table the binlog has also what was rolled back; MySQL with GTIDs refuses it.
    const unsafe = isMysql ? 'DO 0' : 'INSERT INTO unsafe VALUES (1)';
    const tail = cloud.start();
    await tail.whenCaughtUp();
    const xid = (n: number) => `'${cloud.prefix}','b${n}',${n + 3}`;
    for (const id of [1, 2, 3]) {
      const other = await session(url, cloud);
      await other.query(`XA START ${xid(id)}`);
      await insertEvent(other, { id });
      await other.query(`XA END ${xid(id)}; XA PREPARE ${xid(id)}`);
      await other.end();
    }
    // Between the preparation and the end of these, others commit.
    await insertEvent(sql, { id: 10 });
    await sql.query(`XA ROLLBACK ${xid(2)}`);
    await sql.query(`XA COMMIT ${xid(3)}`);
    await insertEvent(sql, { id: 11 });
    await sql.query('BEGIN');
    await insertEvent(sql, { id: 20 });
    await sql.query(`${unsafe}; SAVEPOINT \`a\``);
    await insertEvent(sql, { id: 21 });
    await sql.query(`${unsafe}; ROLLBACK TO SAVEPOINT a`);
    await insertEvent(sql, { id: 22 });
    await sql.query('COMMIT; BEGIN; COMMIT; BEGIN');
    await insertEvent(sql, { id: 30 });
    await sql.query(`${unsafe}; ROLLBACK`);
    await sql.query(`XA START ${xid(4)}`);
    await insertEvent(sql, { id: 40 });
    await sql.query(`XA END ${xid(4)}; XA COMMIT ${xid(4)} ONE PHASE`);
    await sql.query(`XA COMMIT ${xid(1)}`);
    await insertEvent(sql, { id: 50 });
    await tail.whenCaughtUp();
    await tail.stop();
    expect(await idsOf(cloud)).toEqual([1, 3, 10, 11, 20, 22, 40, 50]);
  });

  test('a stop between the preparation and the commit of an XA transaction loses nothing, and says again what came between', async () => {
    await using cloud = await tailedCloud(url);
    const { sql, prefix } = cloud;
    const first = cloud.start();
    await first.whenCaughtUp();
    const other = await session(url, cloud);
    await other.query(`XA START '${prefix}'`);
    await insertEvent(other, { id: 1 });
    await other.query(`XA END '${prefix}'; XA PREPARE '${prefix}'`);
    await other.end();
    await insertEvent(sql, { id: 2 });
    await first.when((each) => each.phase === 'stream' && each.changes === 1);
    await first.stop();
    await sql.query(`XA COMMIT '${prefix}'`);
    const second = cloud.start();
    await second.whenCaughtUp();
    await second.stop();
    // Reading begins again before what was prepared: what was committed since comes again, and its id tells.
    expect(await idsOf(cloud)).toEqual([1, 2, 2]);
  });

  test('tables are read as they were when their rows were written, and no DDL stops the tail', async () => {
    await using cloud = await tailedCloud(url);
    const { sql } = cloud;
    const first = cloud.start();
    await first.whenCaughtUp();
    await first.stop();
    await sql.query('SET SESSION foreign_key_checks = 0');
    let id = 0;
    const next = () => insertEvent(sql, { id: ++id, resource_name: `n${id}`, size: id });
    await next();
    for (const ddl of [
      'ALTER TABLE usage_event ADD COLUMN brand_new VARCHAR(9) DEFAULT "x" FIRST, ADD COLUMN j JSON',
      'ALTER TABLE usage_event MODIFY COLUMN resource_name TEXT',
      'ALTER TABLE usage_event DROP COLUMN brand_new',
      'ALTER TABLE usage_event RENAME COLUMN j TO k',
      '/* gh-ost */ CREATE TABLE _usage_event_gho LIKE usage_event; ALTER TABLE _usage_event_gho ADD extra INT; ' +
        'INSERT INTO _usage_event_gho SELECT *, 1 FROM usage_event; ' +
        'RENAME TABLE usage_event TO _usage_event_del, _usage_event_gho TO usage_event',
      'CREATE PROCEDURE p() BEGIN /* ; */ INSERT INTO usage_event (type) VALUES ("x"); END; DROP PROCEDURE p',
      'CREATE TABLE copied AS SELECT * FROM usage_event; TRUNCATE copied; DROP TABLE copied, _usage_event_del',
      'CREATE VIEW v AS SELECT id FROM usage_event; DROP VIEW v; ANALYZE TABLE usage_event; FLUSH TABLES',
      'CREATE TEMPORARY TABLE t AS SELECT 1 AS one; DROP TEMPORARY TABLE t',
      'FLUSH BINARY LOGS',
    ]) {
      await sql.query(ddl);
      await next();
    }
    const second = cloud.start();
    await second.whenCaughtUp();
    await second.stop();
    const found = (await cloud.feed()).flatMap((each) =>
      each.kind === 'usage-event' ? [each.event] : [],
    );
    const seen = found.map((event) => `${event.id} ${event.resourceName} ${event.size}`);
    const expected = Array.from({ length: id }, (_, i) => `${i + 1} n${i + 1} ${i + 1}`);
    expect(seen.toSorted()).toEqual(expected.toSorted());
  });

  test('a column that billing needs and that is gone stops the tail before the change', async () => {
    await using cloud = await tailedCloud(url);
    const tail = cloud.start();
    await tail.whenCaughtUp();
    await cloud.sql.query('ALTER TABLE usage_event DROP COLUMN zone_id');
    await cloud.sql.query(
      "INSERT INTO usage_event (id, type, account_id, created) VALUES (1, 'VM.START', 2, NOW())",
    );
    await expect(tail.done).rejects.toSatisfy(
      (error) => isAppError(error, 'SOURCE_SCHEMA_MISMATCH') && error.explain().includes('zone_id'),
    );
    expect(await idsOf(cloud)).toEqual([]);
  });

  const update = 'UPDATE usage_event SET size = size + 1 WHERE id = 1';
  const refused = [
    { what: 'row image MINIMAL', set: "binlog_row_image = 'MINIMAL'", change: update },
    {
      what: 'row image NOBLOB',
      set: "binlog_row_image = 'NOBLOB'",
      change: `ALTER TABLE usage_event ADD t TEXT; ${update}`,
    },
    { what: 'format STATEMENT', set: "binlog_format = 'STATEMENT'", change: update },
    {
      what: 'format STATEMENT behind a comment',
      set: "binlog_format = 'STATEMENT'",
      change: `/* a client */ -- and more\n ${update}`,
    },
    ...(isMysql
      ? [
          {
            what: 'PARTIAL_JSON',
            set: "binlog_row_value_options = 'PARTIAL_JSON'",
            change: `ALTER TABLE usage_event ADD j JSON; UPDATE usage_event SET j = '{"a": 1}';
              UPDATE usage_event SET j = JSON_SET(j, '$.a', 2) WHERE id = 1`,
          },
        ]
      : [{ what: 'format MIXED', set: "binlog_format = 'MIXED'", change: update }]),
  ];
  test.each(refused)(
    'a session with $what stops the tail with the fix, before its change; told so, it heals past it once',
    async ({ set, change }) => {
      await using cloud = await tailedCloud(url);
      const { sql } = cloud;
      await insertEvent(sql, { id: 1, size: 5 });
      const tail = cloud.start();
      await tail.whenCaughtUp();
      await insertEvent(sql, { id: 2 });
      const other = await session(url, cloud);
      await other.query(`SET SESSION ${set}`);
      await other.query(change);
      await other.end();
      await insertEvent(sql, { id: 3 });
      await expect(tail.done).rejects.toSatisfy(
        (error) => isAppError(error, 'TAIL_UNDECODABLE') && error.explain().includes('SET GLOBAL'),
      );
      expect(await idsOf(cloud)).toEqual([1, 2]);
      const again = cloud.start();
      const fault: unknown = await again.done.catch((error: unknown) => error);
      if (!isAppError(fault, 'TAIL_UNDECODABLE')) throw fault;
      // The way out; the same option does nothing after that.
      const healPast = { file: String(fault.facts['file']), pos: Number(fault.facts['pos']) };
      for (const id of [4, 5]) {
        const healing = cloud.start({ healPast });
        await insertEvent(sql, { id });
        await healing.whenCaughtUp();
        await healing.stop();
        expect((await sourceStatus(cloud)).position?.healed?.why).toBe('told to heal');
        expect((await sourceStatus(cloud)).state?.how).toBe(id === 4 ? 'heal' : 'position');
      }
      // What was changed meanwhile is told again, under its id.
      expect(new Set(await idsOf(cloud))).toEqual(new Set([1, 2, 3, 4, 5]));
    },
  );

  test('other schemas may do as they like', async () => {
    await using cloud = await tailedCloud(url);
    const { sql } = cloud;
    const elsewhere = `else_${randomSuffix()}`;
    await sql.query(
      `CREATE DATABASE ${elsewhere}; CREATE TABLE ${elsewhere}.usage_event (id INT, j JSON)`,
    );
    try {
      const tail = cloud.start();
      await tail.whenCaughtUp();
      const other = await session(url, cloud);
      const options = isMysql ? ", binlog_row_value_options = 'PARTIAL_JSON'" : '';
      await other.query(
        `USE ${elsewhere}; SET SESSION binlog_row_image = 'MINIMAL'${options};
         INSERT INTO usage_event VALUES (1, '{"a":1}'); UPDATE usage_event SET j = JSON_SET(j, '$.a', 2);
         SET SESSION binlog_format = 'STATEMENT'; INSERT INTO usage_event VALUES (2, NULL)`,
      );
      await other.end();
      await insertEvent(sql, { id: 1 });
      await tail.whenCaughtUp();
      await tail.stop();
      expect(await idsOf(cloud)).toEqual([1]);
    } finally {
      await sql.query(`DROP DATABASE ${elsewhere}`);
    }
  });
});
