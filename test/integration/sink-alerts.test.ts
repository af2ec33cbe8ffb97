import { readFileSync } from 'node:fs';
import { createConnection } from 'mysql2/promise';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMetrics } from '../../src/platform/metrics.ts';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
import { splitStatements } from '../../src/platform/split-statements.ts';
import { grantedUser } from '../support/granted-user.ts';
import type { GrantedUser } from '../support/granted-user.ts';
import { day, firstDay, publishUntil, TestStore } from './sink-fixture.ts';

/** CloudStack's table, as its schema has it. */
const alertTable = splitStatements(
  readFileSync(new URL('../../deploy/dev/cloud-4.23.sql', import.meta.url), 'utf8'),
).find((statement) => statement.includes('CREATE TABLE IF NOT EXISTS `alert`'));

let store: TestStore;
let cloud: string;
let alertUser: GrantedUser;
let sinkUser: GrantedUser;
let server: MysqlTarget;
let asSink: MysqlTarget;
beforeEach(async () => {
  store = await TestStore.create();
  cloud = `cloud_${store.suffix}`;
  await store.sql(`CREATE DATABASE ${cloud}`);
  await store.sql(alertTable?.replace('`alert`', `${cloud}.\`alert\``) ?? '');
  alertUser = await grantedUser('sink-alerts', { cloud });
  sinkUser = await grantedUser('sink', { schema: store.schema, cloud_usage: store.cloudUsage });
  server = parseMysqlUrl(alertUser.url);
  asSink = parseMysqlUrl(sinkUser.url);
  await store.addRows([{ account: '1' }]);
  await store.close(firstDay + day);
});
afterEach(async () => {
  await alertUser[Symbol.asyncDispose]();
  await sinkUser[Symbol.asyncDispose]();
  await store.sql(`DROP DATABASE ${cloud}`);
  await store[Symbol.asyncDispose]();
});

const alerts = () =>
  store.sql(
    `SELECT type, name, pod_id, data_center_id, cluster_id, subject, sent_count, archived,
       resolved IS NOT NULL AS cleared, created IS NOT NULL AND last_sent IS NOT NULL AS dated,
       uuid IS NOT NULL AS named FROM ${cloud}.alert ORDER BY id`,
  );
const publish = (untilMs: number, schema = cloud) =>
  publishUntil(store, untilMs, { alerts: { server, schema } }, { store: asSink });
/** A trigger of somebody's, which eats the rows of the window. */
const spoil = () =>
  store.sql(`CREATE TRIGGER cu.spoil BEFORE INSERT ON cu.cloud_usage FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'`);

test('a window that cannot be published raises one alert, which the next good one clears', async () => {
  await spoil();
  for (const _ of [1, 2]) await expect(publish(firstDay + day)).rejects.toThrow(/no/);
  const jobs = await store.sql('SELECT id FROM cu.usage_job WHERE end_millis = 0');
  const raised = {
    ...{ type: 20, name: 'ALERT.USAGE.RESULT', pod_id: '0', data_center_id: '0' },
    ...{ cluster_id: null, sent_count: 1, archived: 0, dated: 1, named: 1 },
    subject: `Usage job failed. Job id: ${String(jobs[0]?.['id'])}`,
  };
  expect(await alerts()).toEqual([{ ...raised, cleared: 0 }]);
  await store.sql('DROP TRIGGER cu.spoil');
  await publish(firstDay + day);
  expect(await alerts()).toEqual([{ ...raised, cleared: 1 }]);
});

test('windows that leave accounts out raise an alert until these are repaired', async () => {
  await store.sql(`INSERT INTO us.account_state (generation, account_id, partition_id, state,
    folded_until_ms, incomplete_from_ms) VALUES (1, 9, 0, '{}', 0, ${firstDay})`);
  await publish(firstDay + day);
  expect(await alerts()).toMatchObject([
    { type: 20, subject: 'Usage job incomplete. Accounts left out: 1', cleared: 0 },
  ]);
  await store.sql('UPDATE us.account_state SET incomplete_from_ms = NULL');
  await store.sql('INSERT INTO us.repaired_window VALUES (1, ?, 9)', [firstDay]);
  await publish(firstDay + day);
  expect(await alerts()).toMatchObject([{ cleared: 1 }]);
});

test('rows with more hours than their window raise an alert, which the next clean window clears', async () => {
  const doubled = { quantity: 2 * day, raw_usage: 48, usage_display: '48 Hrs' };
  const second = firstDay + day;
  await store.addRows([
    { account: '2', key: 'vm:2', columns: doubled },
    // Two NICs share a row; a close bills its own millisecond; bytes are no hours.
    { account: '1', key: 'nic', type: 13, columns: doubled },
    { account: '1', key: 'closed', type: 3, columns: { quantity: day + 5 } },
    { account: '1', key: 'bytes', type: 4, columns: { quantity: 10 * day } },
    { account: '2', key: 'vm:2', startMs: second, columns: { ...doubled, quantity: 3 * day } },
    { account: '2', key: 'vm:2', startMs: second + day },
  ]);
  await store.close(second + 2 * day);
  const raised = {
    ...{ type: 23, name: 'ALERT.USAGE.SANITY', pod_id: '0', data_center_id: '0' },
    subject: 'Usage sanity check failed. Rows with more hours than their window: 1',
  };
  await publish(second + day);
  expect(await alerts()).toMatchObject([{ ...raised, cleared: 0 }]);
  expect(await store.value(`SELECT content FROM ${cloud}.alert`)).toBe(
    'Window from 2026-03-01 00:00:00 GMT. account 2, type 1: 48 Hrs of "running time of vm:2"',
  );
  await publish(second + 2 * day);
  expect(await alerts()).toMatchObject([{ ...raised, cleared: 1 }]);
});

test('alerts that cannot be written hold up no window', async () => {
  const metrics = createMetrics();
  const options = { alerts: { server, schema: 'no_such_schema' } };
  await publishUntil(store, firstDay + day, options, { store: asSink, metrics });
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('1');
  const counted = await metrics.sinkAlerts.get();
  expect(counted.values).toMatchObject([{ labels: { action: 'failed' }, value: 2 }]);
});

test.each(['DELETE FROM alert', 'UPDATE alert SET subject = 1', 'SELECT content FROM alert'])(
  'the grant for alerts allows no other: %s',
  async (statement) => {
    const connection = await createConnection({ ...mysqlOptions(server), database: cloud });
    await expect(connection.query(statement)).rejects.toThrow(/denied/);
    await connection.end();
  },
);
