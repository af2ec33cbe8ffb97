import { readFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureGeneration } from '../../src/aggregate/generation.ts';
import { defaultLimits } from '../../src/aggregate/limits.ts';
import { PartitionWorker } from '../../src/aggregate/partition-worker.ts';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import { fold } from '../../src/domain/fold.ts';
import { helperTables } from '../../src/domain/helper-tables.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { mysqlOptions, openPool } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
import { preflightTarget } from '../../src/tail/preflight.ts';
import {
  account,
  event,
  hour,
  logRecord,
  minute,
  start,
  volume,
  watermark,
} from '../support/aggregate-feed.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import { batchOf, calm, rules } from './aggregate-fixture.ts';
import { day, firstDay, publishUntil, startSink, TestStore } from './sink-fixture.ts';

let store: TestStore;
const users: string[] = [];
beforeEach(async () => {
  store = await TestStore.create();
  await store.addRows([{ account: '1' }]);
  await store.close(firstDay + day);
});
afterEach(async () => {
  for (const user of users.splice(0)) await store.sql(`DROP USER '${user}'@'%'`);
  await store[Symbol.asyncDispose]();
});

/** Makes a user by a grant file. */
async function grant(role: string, cloud = store.cloudUsage): Promise<MysqlTarget> {
  const user = `${role}_${store.suffix}`;
  const password = `pw_${store.suffix}`;
  const { schema, cloudUsage } = store;
  const values: Record<string, string> = { user, password, schema, cloud, host: '%' };
  values['cloud_usage'] = cloudUsage;
  const path = new URL(`../../deploy/grants/${role}.sql`, import.meta.url);
  const text = readFileSync(path, 'utf8')
    .replaceAll(/^--.*$/gm, '')
    .replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  users.push(user);
  await store.sql(text);
  return { ...store.target, user, password };
}

test('the tail takes the snapshot and follows every captured table with the rights of its file', async () => {
  await using cloud = await tailedCloud();
  const { sql, cloudSchema } = cloud;
  const source = await grant('tail', cloudSchema);
  const rows = `
    INSERT INTO account (account_name, type) VALUES ('ada', 0);
    INSERT INTO configuration (instance, name, value) VALUES ('DEFAULT', 'usage.execution.timezone', 'GMT')
      ON DUPLICATE KEY UPDATE value = 'UTC';
    INSERT INTO vm_template (unique_name, name, public, featured, hvm, bits, format, created, account_id, guest_os_id)
      VALUES ('t', 't', 1, 0, 1, 64, 'QCOW2', '2026-01-01', 1, 1);
    INSERT INTO bucket (name, object_store_id, state, uuid, domain_id, account_id, access_key, secret_key)
      VALUES ('b', '1', 'Created', UUID(), 1, 1, 'AKIA', 'secret');`;
  await sql.query(rows);
  await insertEvent(sql, { account_id: 1 });
  const options = { target: source, cloudSchema, serverId: 4_000_001 };
  const findings = await preflightTarget(options, systemClock);
  expect(findings.filter((finding) => finding.level !== 'ok')).toEqual([]);
  const tail = cloud.start({ source });
  await tail.whenCaughtUp();
  await sql.query(rows);
  await insertEvent(sql, { account_id: 1 });
  await tail.whenCaughtUp();
  await tail.stop();
  const kinds = (await cloud.feed()).map((record) => record.kind);
  for (const kind of ['account', 'template', 'bucket', 'usage-event'] as const)
    expect(kinds.filter((each) => each === kind)).toHaveLength(2);
  const reader = await connectAs(source);
  for (const secret of ['SELECT secret_key FROM bucket', 'SELECT * FROM user'])
    await expect(reader.query(`USE ${cloudSchema}; ${secret}`)).rejects.toThrow(/denied/);
  await reader.end();
});

test('the aggregate stores, folds and closes with the rights of its file', async () => {
  const target = await grant('aggregate');
  const pool = openPool({ ...target, database: store.schema }, 1);
  const { schema } = store;
  const { id: generation, madeAt } = await ensureGeneration(pool, {
    ...rules,
    schema,
    name: 'g2',
    feedTopic: 'feed',
    feedPartitions: 1,
    preset: 'correct',
    quirkOverrides: {},
  });
  const claim = { target, schema, generation, madeAt, partition: 0, owner: 'test' };
  const worker = await PartitionWorker.open({
    claim,
    rules: { ...rules, quirks: quirkSet('correct'), fold },
    limits: defaultLimits,
    logger: createLogger({ level: 'silent' }),
    metrics: createMetrics(),
    onProgress: () => undefined,
  });
  const story = [
    account('1', start),
    event(1, 'VOLUME.CREATE', '1', start + minute, start + minute, { ...volume, resourceId: '4' }),
    watermark(start + 2 * hour),
    event(2, 'VOLUME.DELETE', '1', start + minute, start + 2 * hour, { resourceId: '4' }),
    watermark(start + 4 * hour),
  ];
  const records = [...story.map((one, i) => logRecord(i, one)), logRecord(9, Buffer.from('{'))];
  await worker.handle(batchOf(0, records), calm);
  await worker.close();
  expect(
    await store.value('SELECT COUNT(*) > 0 FROM us.record WHERE generation = ?', [generation]),
  ).toSatisfy((found) => Number(found) === 1);
  expect(
    await store.value('SELECT COUNT(*) FROM us.dead_letter WHERE generation = ?', [generation]),
  ).toBe('1');
  await resetGeneration(pool, schema, generation);
  await pool.end();
});

const connectAs = (target: MysqlTarget): Promise<Connection> =>
  createConnection({ ...mysqlOptions(target), multipleStatements: true });

const addChange = (table: string, startMs: number, serial: string, cells: readonly unknown[]) =>
  store.sql('INSERT INTO us.helper_change SET ?', [
    {
      ...{ generation: 1, window_start_ms: startMs, table_name: table, account_id: 1, serial },
      ...{ event_id: 5, body: JSON.stringify(cells) },
    },
  ]);

test('the sink works with the rights of its file, as leader and as successor', async () => {
  const target = await grant('sink');
  await store.sql(`INSERT INTO us.dead_letter (generation, partition_id, feed_offset, reason, facts)
    VALUES (1, 0, 1, 'MALFORMED', '{}')`);
  // in every helper table a row that is inserted, and changed by the next window; one that does not fit
  for (const startMs of [firstDay, firstDay + day])
    for (const { name, columns } of helperTables) {
      const cells = columns.map(({ type }) => (type === 'date' ? '2026-03-01 00:00:00' : '1'));
      await addChange(name, startMs, '1', cells);
    }
  await addChange('usage_vpc', firstDay, '2', []);
  const event = JSON.stringify({ event: { type: 'VM.START', zoneId: '1' } });
  await store.sql(
    `INSERT INTO us.event (generation, account_id, created_ms, event_id, incarnation, partition_id,
       feed_offset, content_hash, body) VALUES (1, 1, ?, 5, 0, 0, 1, 'x', ?)`,
    [firstDay, event],
  );
  await store.sql(
    `INSERT INTO us.event_detail (generation, account_id, event_id, incarnation, detail_id, feed_offset,
       name, value) VALUES (1, 1, 5, 0, 1, 1, 'memory', '512')`,
  );
  await addChange('usage_event', firstDay, '0', [[firstDay, 5, 0]]);
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day, {}, { store: target });
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('1');
  for (const { name } of helperTables)
    expect(await store.value(`SELECT COUNT(*) FROM cu.${name}`), name).toBe('1');
  expect(await store.value('SELECT COUNT(*) FROM cu.usage_event')).toBe('1');
  expect(await store.value('SELECT COUNT(*) FROM us.anomaly')).toBe('1');
  // a predecessor that holds the fence, and was forgotten: its connection has to be ended
  const held = await connectAs(target);
  held.on('error', () => {});
  const lock = `SELECT GET_LOCK(CONCAT('sink:', LEFT(SHA2(?, 256), 32), ':1'), 5) AS got`;
  expect((await held.query(lock, [store.schema]))[0]).toSatisfy(([row]) => Number(row.got) === 1);
  await held.query(`START TRANSACTION`);
  await held.query(`SELECT 1 FROM ${store.schema}.lease WHERE name = 'sink:fence' FOR UPDATE`);
  await using sink = startSink(store, {}, { store: target });
  await sink.whenProgress((p) => p.leader);
  await expect(held.query('SELECT 1')).rejects.toThrow();
  held.destroy();
});

test.each([
  { role: 'sink', sql: 'DELETE FROM cu.cloud_usage' },
  { role: 'sink', sql: 'UPDATE cu.cloud_usage SET raw_usage = 0' },
  { role: 'sink', sql: 'UPDATE us.record SET quantity = 0' },
  { role: 'sink', sql: 'SELECT * FROM cu.quota_usage' },
  { role: 'sink', sql: 'SELECT * FROM us.fact' },
  { role: 'sink', sql: 'DELETE FROM us.event' },
  { role: 'sink', sql: 'DELETE FROM us.correction' },
  { role: 'sink', sql: 'DELETE FROM cu.usage_event' },
  { role: 'sink', sql: 'UPDATE cu.usage_event SET account_id = 0' },
  { role: 'sink', sql: 'DELETE FROM cu.usage_vm_disk' },
  { role: 'sink', sql: 'DELETE FROM cu.account' },
  { role: 'aggregate', sql: 'INSERT INTO cu.usage_job SET heartbeat = NOW()' },
  { role: 'aggregate', sql: 'SELECT * FROM cu.cloud_usage' },
  { role: 'aggregate', sql: 'UPDATE us.lease SET epoch = 9' },
  { role: 'api', sql: 'DELETE FROM us.record' },
  { role: 'api', sql: 'DELETE FROM cu.usage_job' },
])('$role may not: $sql', async ({ role, sql }) => {
  const connection = await connectAs(await grant(role));
  const named = sql.replace('cu.', `${store.cloudUsage}.`).replace('us.', `${store.schema}.`);
  await expect(connection.query(named)).rejects.toMatchObject({
    code: expect.stringMatching(/^ER_(TABLE|COLUMN)ACCESS_DENIED_ERROR$/) as unknown,
  });
  await connection.end();
});
