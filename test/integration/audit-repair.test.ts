import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tableNames } from '../../src/domain/account-state.ts';
import { helperColumns } from '../../src/domain/audit-resource.ts';
import { usageColumns } from '../../src/domain/audit-row.ts';
import { intervalTables } from '../../src/domain/helper-tables.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { goldenLines, tableLines, usageLines } from '../support/damaged-tables.ts';
import { openCloud } from '../support/audited-cloud.ts';
import type { AuditedCloud } from '../support/audited-cloud.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = scratchFolder();
let files = 0;
const undoPath = () => join(folder.path, `undo-${(files += 1)}.sql`);
afterAll(() => folder[Symbol.dispose]());

describe.each([
  { name: 'bug13112', clean: 'bug13112' },
  { name: 'volvm-broken', clean: 'volvm' },
])('the tables of $name', ({ name, clean }) => {
  let cloud: AuditedCloud;
  beforeAll(async () => {
    cloud = await openCloud(name, { wideVolumeKey: true });
  });
  afterAll(() => cloud[Symbol.asyncDispose]());

  test('repair --apply leaves what a run without the fault leaves; then nothing is left to do', async () => {
    const { tables } = cloud;
    expect(cloud.audit()).toMatchObject({ isDamaged: true, status: 1 });
    const before = await tables.content();

    // Without --apply nothing changes.
    const plan = cloud.repair();
    expect(plan.undoPath).toBeNull();
    expect(await tables.content()).toEqual(before);

    const undo = undoPath();
    const done = cloud.repair('--apply', '--undo', undo);
    expect(done.counts).toEqual(plan.counts);
    const golden = await readGolden(clean);
    const folded = foldGolden(golden, quirkSet('java-4.23'));
    expect(await usageLines(tables)).toEqual(formatGoldenRows(folded.rows).toSorted());
    if (clean !== name) {
      expect(await usageLines(tables)).toEqual(golden.usage.toSorted());
      for (const table of ['usage_volume', 'usage_vm_instance'])
        expect(await tableLines(tables, table)).toEqual(await goldenLines(clean, table));
    }
    const [stuck] = await tables.query(
      'SELECT COUNT(*) AS n FROM $cu.usage_event WHERE processed = 0',
    );
    expect(Number(stuck?.['n'])).toBe(0);
    expect(cloud.audit()).toMatchObject({ isDamaged: false, status: 0, byKind: [] });

    // A second repair finds nothing, and leaves no file.
    const repaired = await tables.content();
    const again = undoPath();
    expect(cloud.repair('--apply', '--undo', again).undoPath).toBeNull();
    expect(existsSync(again)).toBe(false);
    expect(await tables.content()).toEqual(repaired);

    await cloud.undo(undo);
    expect(await tables.content()).toEqual(before);
  });
});

test('on tables with the key that makes the event poison, all is repaired but the row that they cannot hold', async () => {
  await using cloud = await openCloud('volvm-broken');
  const found = cloud.audit();
  expect(found.events.stuck).toMatchObject({ count: 2, first: { id: '1' }, last: { id: '2' } });
  expect(found.events.poison).toMatchObject({
    event: { id: '2', type: 'VOLUME.CREATE' },
    why: expect.stringContaining('volume_id, created (unique key id)') as string,
  });
  cloud.repair('--apply', '--undo', undoPath());
  const golden = await readGolden('volvm');
  expect(await usageLines(cloud.tables)).toEqual(golden.usage.toSorted());
  const volumes = await goldenLines('volvm', 'usage_volume');
  const stored = await tableLines(cloud.tables, 'usage_volume');
  expect(volumes).toEqual(expect.arrayContaining(stored));
  expect(stored).toHaveLength(volumes.length - 2);
  const after = cloud.audit();
  expect(after).toMatchObject({ isDamaged: false, status: 0 });
  expect(after.helperTables).toEqual([
    { of: 'usage_volume', kind: 'unstorable', rows: 2, charged: 0 },
  ]);
});

test('a lost close is named with the rows that it cost, and closed', async () => {
  await using cloud = await openCloud('volvm', { wideVolumeKey: true });
  const { tables } = cloud;
  const clean = await tables.content();
  await tables.query(
    'UPDATE $cu.usage_volume SET deleted = NULL WHERE volume_id = 202 AND deleted = ?',
    ['2026-06-02 03:00:00'],
  );
  // The VM's part of the volume was detached on the 2nd and is billed again on the 3rd.
  await tables.query(
    `INSERT INTO $cu.cloud_usage (zone_id, account_id, domain_id, description, usage_display, usage_type,
       raw_usage, vm_instance_id, offering_id, usage_id, size, start_date, end_date)
     SELECT zone_id, account_id, domain_id, description, '24 Hrs', usage_type, 24, vm_instance_id,
       offering_id, 999, size, '2026-06-03 00:00:00', '2026-06-03 23:59:59'
     FROM $cu.cloud_usage WHERE usage_type = 6 AND usage_id = 202 LIMIT 1`,
  );
  await tables.query(
    `INSERT INTO $cu.usage_event (id, type, account_id, created, zone_id, resource_id, offering_id, size, processed)
     VALUES (901, 'VOLUME.CREATE', 3, '2026-06-02 05:00:00', 1, 999, 32, 1073741824, 1),
       (902, 'VOLUME.DELETE', 3, '2026-06-02 05:00:00', 1, 999, NULL, NULL, 1)`,
  );
  await tables.query(
    `INSERT INTO $cu.usage_volume (volume_id, zone_id, account_id, domain_id, disk_offering_id, size, created)
     VALUES (999, 1, 3, 2, 32, 1073741824, '2026-06-02 05:00:00')`,
  );
  const found = cloud.audit();
  expect(found.helperTables).toEqual([
    { of: 'usage_volume', kind: 'lost-close', rows: 3, charged: 0 },
  ]);
  expect(found.examples['after-deletion']).toEqual([
    expect.objectContaining({ accountId: '3', usageType: '6', closedByEvent: '902' }),
  ]);
  cloud.repair('--apply', '--undo', undoPath());
  expect(cloud.audit()).toMatchObject({ isDamaged: false, status: 0 });
  const { usage_volume: volumes } = await tables.content();
  expect(volumes).toEqual(expect.arrayContaining(clean['usage_volume'] ?? []));
});

test('what quota has charged is never deleted, and nothing comes before it: credits and corrections say what is owed', async () => {
  await using cloud = await openCloud('bug13112', { wideVolumeKey: true });
  const { tables } = cloud;
  // Quota has charged account 3 all of its rows, and account 4 nothing.
  await tables.query('UPDATE $cu.cloud_usage SET quota_calculated = 1 WHERE account_id = 3');
  await tables.query(
    `INSERT INTO $cu.quota_usage (usage_item_id, zone_id, account_id, domain_id, usage_type, quota_used, start_date, end_date)
     SELECT id, zone_id, account_id, domain_id, usage_type, 0.1 + id / 100000, start_date, end_date
     FROM $cu.cloud_usage WHERE account_id = 3`,
  );
  const before = await tables.content();
  const found = cloud.audit();
  const surplus = found.byAccount
    .filter(({ of, kind }) => of === '3' && ['duplicate', 'rerun'].includes(kind))
    .reduce((sum, { rows }) => sum + rows, 0);

  const undo = undoPath();
  const { counts } = cloud.repair('--apply', '--hide-charged', '--undo', undo);
  expect(counts).toMatchObject({ hidden: surplus, deleted: 43, inserted: 5 });
  const after = await tables.content();
  for (const [table, rows] of Object.entries(after))
    if (table.startsWith('quota_')) expect(rows).toEqual(before[table]);
  const [owed] = await tables.query(
    `SELECT CAST(SUM(q.quota_used) AS CHAR) AS amount FROM $cu.quota_usage AS q
     JOIN $cu.cloud_usage AS r ON r.id = q.usage_item_id WHERE r.is_hidden = 1`,
  );
  const credits = [{ accountId: '3', rows: surplus, amount: String(owed?.['amount']) }];
  expect(found.toSettle.credits).toEqual(credits);
  const [charged] = await tables.query(
    'SELECT COUNT(*) AS n, SUM(is_hidden) AS hidden FROM $cu.cloud_usage WHERE account_id = 3',
  );
  expect(Number(charged?.['n'])).toBe(before['cloud_usage']?.filter(isOf('3')).length);
  const golden = foldGolden(await readGolden('bug13112'), quirkSet('java-4.23')).rows;
  const right = formatGoldenRows(golden.filter((row) => row.accountId === '4')).toSorted();
  expect(await usageLines(tables, 'account_id = 4')).toEqual(right);

  // What is left is for an operator, and is said again: the tables themselves are repaired.
  const left = cloud.audit();
  expect(left).toMatchObject({ isDamaged: false, status: 0 });
  expect(left.toSettle.credits).toEqual(credits);
  expect(left.toSettle.correctionCount).toBe(10);
  await cloud.undo(undo);
  expect(await tables.content()).toEqual(before);
});

const isOf = (account: string) => (line: string) => line.includes(`account_id='${account}'`);

test.each(['basic', 'week'])(
  'golden %s with rows of every type and every helper table lost, doubled or open for ever is as it was after a repair',
  async (name) => {
    await using cloud = await openCloud(name);
    const { tables } = cloud;
    // A bucket's size is polled: its rows cannot be made again.
    await tables.query('DELETE FROM $cu.cloud_usage WHERE id % 5 = 0 AND usage_type <> 29');
    const columns = usageColumns.join(', ');
    await tables.query(
      `INSERT INTO $cu.cloud_usage (${columns}) SELECT ${columns} FROM $cu.cloud_usage WHERE id % 7 = 0`,
    );
    for (const table of tableNames) {
      const [, end] = helperColumns[table];
      const { name: helper } = intervalTables[table];
      await tables.query(`UPDATE $cu.${helper} SET ${end} = NULL WHERE id % 2 = 0`);
      await tables.query(`DELETE FROM $cu.${helper} WHERE id % 3 = 0`);
    }
    const damaged = await tables.content();
    expect(cloud.audit().isDamaged).toBe(true);
    const undo = undoPath();
    cloud.repair('--apply', '--undo', undo);
    expect(await usageLines(tables)).toEqual((await readGolden(name)).usage.toSorted());
    for (const table of tableNames) {
      const { name: helper } = intervalTables[table];
      expect(await tableLines(tables, helper)).toEqual(await goldenLines(name, helper));
    }
    expect(cloud.audit()).toMatchObject({ isDamaged: false, status: 0 });
    await cloud.undo(undo);
    expect(await tables.content()).toEqual(damaged);
  },
);

test.each(['java/10.0.0.1', 'usagestream@here'])(
  'repair refuses while %s is alive, and leaves no file',
  async (host) => {
    await using cloud = await openCloud('volvm-broken');
    await cloud.tables.query(
      `INSERT INTO $cu.usage_job (host, pid, job_type, scheduled, start_millis, end_millis, exec_time, heartbeat)
       VALUES (?, 7, 0, 0, 0, 0, 0, UTC_TIMESTAMP())`,
      [host],
    );
    const before = await cloud.tables.content();
    const undo = undoPath();
    const { status, stderr } = cloud.run('repair', '--apply', '--undo', undo);
    expect(status).toBe(1);
    expect(stderr).toContain('REPAIR_NOT_ALONE');
    expect(existsSync(undo)).toBe(false);
    expect(await cloud.tables.content()).toEqual(before);
  },
);
