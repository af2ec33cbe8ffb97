import { readFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mysqlOptions } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
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

/** Makes a user by a grant file. `cloud` is the schema that plays CloudStack's own here. */
async function grant(role: string): Promise<MysqlTarget> {
  const user = `${role}_${store.suffix}`;
  const password = `pw_${store.suffix}`;
  const values: Record<string, string> = { user, password, host: '%', schema: store.schema };
  values['cloud'] = values['cloud_usage'] = store.cloudUsage;
  const path = new URL(`../../deploy/grants/${role}.sql`, import.meta.url);
  const text = readFileSync(path, 'utf8')
    .replaceAll(/^--.*$/gm, '')
    .replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  users.push(user);
  await store.sql(text);
  return { ...store.target, user, password };
}

const connectAs = (target: MysqlTarget): Promise<Connection> =>
  createConnection(mysqlOptions(target));

test('the sink works with the rights of its file, as leader and as successor', async () => {
  const target = await grant('sink');
  await store.sql(`INSERT INTO us.dead_letter (generation, partition_id, feed_offset, reason, facts)
    VALUES (1, 0, 1, 'MALFORMED', '{}')`);
  await publishUntil(store, firstDay + day, {}, { store: target });
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('1');
  // a predecessor that holds the fence, and was forgotten: its connection has to be ended
  const held = await connectAs(target);
  held.on('error', () => {});
  const lock = `SELECT GET_LOCK(CONCAT('sink:', MD5(?), ':1'), 5) AS got`;
  expect((await held.query(lock, [store.schema]))[0]).toEqual([{ got: 1 }]);
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
  { role: 'sink', sql: 'SELECT * FROM us.event' },
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
