import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { ChangedTable } from '../../src/cli/repair/changed-table.ts';
import { RepairConnection } from '../../src/cli/repair/repair-connection.ts';
import { UndoFile } from '../../src/cli/repair/undo-file.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import { openCloud } from '../support/audited-cloud.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';

vi.setConfig({ testTimeout: 60_000 });

test('a repair that fails on the way, or meets a charge, changes nothing and leaves no file', async () => {
  await using cloud = await openCloud('bug13112');
  using folder = scratchFolder();
  const { tables } = cloud;
  const path = join(folder.path, 'undo.sql');
  const before = await tables.content();

  // The stuck events are the last to be changed.
  await tables.pool.query(
    `CREATE TRIGGER ${tables.cloudUsageSchema}.refused BEFORE UPDATE ON ${tables.cloudUsageSchema}.usage_event
     FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused'`,
  );
  expect(cloud.run('repair', '--apply', '--undo', path)).toMatchObject({ status: 1 });
  expect(existsSync(path)).toBe(false);
  expect(existsSync(`${path}.part`)).toBe(false);
  expect(await tables.content()).toEqual(before);

  await tables.query('UPDATE $cu.cloud_usage SET quota_calculated = 1 WHERE id = 2');
  const target = parseMysqlUrl(servers().mariadbUrl);
  await using work = await RepairConnection.open(target, tables.cloudUsageSchema);
  const undo = await UndoFile.create(path, tables.cloudUsageSchema);
  const usage = new ChangedTable(work, undo, tables.cloudUsageSchema, 'cloud_usage');
  const conflict = { code: 'REPAIR_CONFLICT' };
  await expect(usage.delete(['1', '2'], 'quota_calculated <> 1')).rejects.toMatchObject(conflict);
  await expect(usage.update('99999', { is_hidden: 1 })).rejects.toMatchObject(conflict);
  await expect(usage.mark(['1'], 'is_hidden', 1, 0)).rejects.toMatchObject(conflict);
  await undo.discard();
});

test('an undo file is never written over', async () => {
  using folder = scratchFolder();
  const path = join(folder.path, 'undo.sql');
  const undo = await UndoFile.create(path, 'cloud_usage');
  await undo.finish();
  await expect(UndoFile.create(path, 'cloud_usage')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  });
});
