import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { takeoverCommand } from '../../src/cli/commands/takeover.ts';
import { tablesSeen } from '../../src/cli/takeover/audit-tables.ts';
import { takeOver } from '../../src/cli/takeover/take-over.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { openPool, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { commandHere } from '../support/command-here.ts';
import { usagestream } from '../support/command-line.ts';
import { loadDamaged, usageLines } from '../support/damaged-tables.ts';
import type { DamagedTables } from '../support/damaged-tables.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { alsoGranted, grantedUser } from '../support/granted-user.ts';
import type { GrantedUser } from '../support/granted-user.ts';
import { here } from '../support/here.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = scratchFolder();
const env = { USAGESTREAM_LOG: `embedded:${join(folder.path, 'log')}` };
const prefix = 'us-repair';
let tables: DamagedTables;
let user: GrantedUser;

/** A cloud whose usage server repeated the days before on each run, and a feed of it. */
beforeAll(async () => {
  tables = await loadDamaged('bug13112', { wideVolumeKey: true });
  const { schema, cloudSchema, cloudUsageSchema: cloud_usage } = tables;
  const names = { prefix, schema, cloudSchema, cloudUsageSchema: cloud_usage };
  const { mariadbUrl } = servers();
  const { toMs } = await readGolden('bug13112');
  const source = { ...env, USAGESTREAM_SOURCE: mariadbUrl, USAGESTREAM_SINK: mariadbUrl };
  await here({ names, partitions: 3 }, source).tail(new Date(toMs).toISOString());
  user = await grantedUser('sink', { schema, cloud_usage });
  for (const role of ['handover', 'repair'])
    await alsoGranted(user, role, { schema, cloud_usage, cloud: cloudSchema });
});
afterAll(async () => {
  await user[Symbol.asyncDispose]();
  await tables[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function takeover(...flags: readonly string[]) {
  const { schema, cloudSchema, cloudUsageSchema } = tables;
  return usagestream(
    [
      ...['takeover', '--schema', schema, '--cloud-schema', cloudSchema, '--partitions', '3'],
      ...['--cloud-usage-schema', cloudUsageSchema, '--prefix', prefix, '--range', '1440'],
      ...['--preset', 'java-4.23', '--log-level', 'error', ...flags],
    ],
    { ...env, USAGESTREAM_SINK: user.url },
  );
}

const generations = async () =>
  (await tables.pool.query(`SELECT name, state FROM ${tables.schema}.generation`))[0];

test('damaged tables are refused, and a dry run with --repair says what would be mended and changes nothing', async () => {
  const before = await tables.content();
  for (const flags of [[], ['--dry-run']]) {
    const refused = takeover(...flags);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/TAKEOVER_REFUSED[^]*damage: [^]*--repair mends it/);
  }
  const undo = join(folder.path, 'never.sql');
  const dry = takeover('--dry-run', '--repair', '--undo', undo, '--json');
  expect(dry).toMatchObject({ status: 0, stderr: '' });
  const said = JSON.parse(dry.stdout) as { repair: { counts: { deleted: number } } };
  expect(said).toMatchObject({ dryRun: true, problems: [], repair: { undoPath: null } });
  expect(said.repair.counts.deleted).toBeGreaterThan(0);
  expect(existsSync(undo)).toBe(false);
  expect(await tables.content()).toEqual(before);
  expect(await generations()).toEqual([]);
});

test.each([
  { flags: ['--repair', '--despite', 'damage'], says: /give one of them/ },
  { flags: ['--undo', 'x.sql'], says: /--undo belongs to --repair/ },
])('$flags contradict each other', async ({ flags, says }) => {
  const addresses = ['--sink', user.url, '--log', env.USAGESTREAM_LOG];
  const refused = await commandHere(takeoverCommand, [...addresses, ...flags]);
  expect(refused.code).toBe('CONFIG_INVALID');
  expect(JSON.stringify(refused.facts)).toMatch(says);
});

test('--despite damage takes the tables over as they are, but for nothing else that is wrong', async () => {
  const before = await tables.content();
  const named = takeover('--despite', 'damage');
  expect(named.status).toBe(1);
  expect(named.stderr).not.toMatch(/damage: /);
  expect(named.stderr).toMatch(/overlapping-jobs: /);
  const all = ['damage', 'overlapping-jobs', 'stuck-events', 'duplicate-rows'];
  const taken = takeover('--into', 'as-is', '--json', '--despite', ...all);
  expect(taken).toMatchObject({ status: 0, stderr: '' });
  const { problems } = JSON.parse(taken.stdout) as { problems: { name: string }[] };
  expect(problems.map(({ name }) => name)).toEqual(expect.arrayContaining(['overlapping-jobs']));
  expect(await tables.content()).toEqual(before);
  expect(await generations()).toEqual([{ name: 'as-is', state: 'live' }]);
});

test('--repair leaves what a server without the fault leaves, takes it over in the same call, and can be called again', async () => {
  const undo = join(folder.path, 'undo.sql');
  const taken = takeover('--repair', '--undo', undo);
  expect(taken).toMatchObject({ status: 0, stderr: '' });
  expect(taken.stdout).toContain(`to take it back: ${undo}`);
  expect(existsSync(undo)).toBe(true);
  const { rows } = foldGolden(await readGolden('bug13112'), quirkSet('java-4.23'));
  expect(await usageLines(tables)).toEqual(formatGoldenRows(rows).toSorted());
  expect(await generations()).toEqual([
    { name: 'as-is', state: 'retired' },
    { name: 'java-20260508T000000Z', state: 'live' },
  ]);

  const again = takeover('--repair', '--undo', join(folder.path, 'again.sql'), '--json');
  expect(again).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(again.stdout)).toMatchObject({ isDone: true, repair: null });
  expect(existsSync(join(folder.path, 'again.sql'))).toBe(false);
});

test('the audit does not keep usage servers waiting, and what is written before the lock refuses the takeover', async () => {
  const { schema, cloudUsageSchema } = tables;
  const target = parseMysqlUrl(user.url);
  const pool = openPool(target, 2);
  const holders: unknown[] = [];
  const quirks = quirkSet('java-4.23');
  const taken = takeOver(pool, {
    generation: {
      ...{ schema, name: 'raced', feedTopic: `${prefix}.usage-feed`, feedPartitions: 3 },
      ...{ window: { rangeMinutes: 1440, timeZone: 'GMT' }, closeDelayMs: 900_000 },
      ...{ preset: 'java-4.23', quirkOverrides: {}, settings: { snapshotVirtualSize: false } },
    },
    ...{ quirks, cloudUsageSchema, despite: new Set(['overlapping-jobs']), dryRun: false },
    audit: async () => {
      const seen = await tablesSeen(pool, cloudUsageSchema);
      const holding = await tables.query(
        `SELECT USER AS user FROM information_schema.PROCESSLIST
         WHERE ID = IS_USED_LOCK('usage.job.heartbeat.check')`,
      );
      holders.push(...holding.map((row) => row['user'] as unknown));
      await tables.query('UPDATE $cu.usage_event SET processed = 0 WHERE id = 1');
      return { problems: [], repair: null, seen };
    },
    ...{ doneBy: 'test', placeOf: () => 0 },
  });
  await expect(taken).rejects.toMatchObject({
    code: 'TAKEOVER_REFUSED',
    facts: { problems: [expect.stringMatching(/while they were audited/)] },
  });
  await tables.query('UPDATE $cu.usage_event SET processed = 1 WHERE id = 1');
  await pool.end();
  // Other tests have it now and then: never this user.
  expect(holders).not.toContain(target.user);
  expect((await generations()) as object[]).toHaveLength(2);
});

test.each([
  'INSERT INTO $cu.usage_job (host, pid, job_type, scheduled, start_millis, end_millis, exec_time, heartbeat) VALUES ("java", 1, 0, 0, 1, 2, 0, NOW())',
  'UPDATE $cu.usage_event SET processed = 1 - processed ORDER BY id LIMIT 1',
  'UPDATE $cu.usage_vm_instance SET end_date = IF(end_date IS NULL, start_date, NULL) LIMIT 1',
  'DELETE FROM $cu.cloud_usage ORDER BY id LIMIT 1',
])('what is written between the audit and the lock is seen: %s', async (sql) => {
  const before = await tablesSeen(tables.pool, tables.cloudUsageSchema);
  await tables.query(sql);
  expect(await tablesSeen(tables.pool, tables.cloudUsageSchema)).not.toBe(before);
});
