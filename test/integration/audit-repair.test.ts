import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AuditReport } from '../../src/cli/audit/audit-report.ts';
import type { RepairResult } from '../../src/cli/repair/run-repair.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { openPlayer } from '../../src/simulate/schema.ts';
import { usagestream } from '../support/command-line.ts';
import { goldenLines, loadDamaged, tableLines, usageLines } from '../support/damaged-tables.ts';
import type { DamagedTables } from '../support/damaged-tables.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { grantedUser } from '../support/granted-user.ts';
import type { GrantedUser } from '../support/granted-user.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Damaged tables, with users that have the rights of the grant files and no others. */
interface Cloud extends AsyncDisposable {
  readonly tables: DamagedTables;
  audit(...flags: string[]): AuditReport & { readonly status: number | null };
  repair(...flags: string[]): RepairResult;
  run(role: 'audit' | 'repair', ...flags: string[]): ReturnType<typeof usagestream>;
  undo(path: string): Promise<void>;
}

async function openCloud(...load: Parameters<typeof loadDamaged>): Promise<Cloud> {
  const tables = await loadDamaged(...load);
  const { cloudSchema: cloud, cloudUsageSchema: cloud_usage } = tables;
  const users: Record<'audit' | 'repair', GrantedUser> = {
    audit: await grantedUser('audit', { cloud, cloud_usage }),
    repair: await grantedUser('repair', { cloud, cloud_usage }),
  };
  const names = ['--cloud-schema', cloud, '--cloud-usage-schema', cloud_usage];
  const run: Cloud['run'] = (role, ...flags) =>
    usagestream([role, ...names, ...flags], { USAGESTREAM_SINK: users[role].url });
  return {
    tables,
    run,
    audit(...flags) {
      const { status, stdout, stderr } = run('audit', '--json', ...flags);
      if (stdout === '') throw new Error(stderr);
      return { ...(JSON.parse(stdout) as AuditReport), status };
    },
    repair(...flags) {
      const { status, stdout, stderr } = run('repair', '--json', ...flags);
      if (status !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as RepairResult;
    },
    async undo(path) {
      const player = await openPlayer(parseMysqlUrl(servers().mariadbUrl));
      await player.query(readFileSync(path, 'utf8'));
      await player.end();
    },
    async [Symbol.asyncDispose]() {
      for (const user of Object.values(users)) await user[Symbol.asyncDispose]();
      await tables[Symbol.asyncDispose]();
    },
  };
}

const folder = scratchFolder();
let files = 0;
const undoPath = () => join(folder.path, `undo-${(files += 1)}.sql`);
afterAll(() => folder[Symbol.dispose]());

describe.each([
  { name: 'bug13112', clean: 'bug13112' },
  { name: 'volvm-broken', clean: 'volvm' },
])('the tables of $name', ({ name, clean }) => {
  let cloud: Cloud;
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
