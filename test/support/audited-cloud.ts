import { readFileSync } from 'node:fs';
import type { AuditReport } from '../../src/cli/audit/audit-report.ts';
import type { RepairResult } from '../../src/cli/repair/run-repair.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import { openPlayer } from '../../src/simulate/schema.ts';
import { usagestream } from './command-line.ts';
import { dieAt } from './crash-command.ts';
import { loadDamaged } from './damaged-tables.ts';
import type { DamagedTables } from './damaged-tables.ts';
import { grantedUser } from './granted-user.ts';
import type { GrantedUser } from './granted-user.ts';
import { servers } from './servers.ts';

/** Damaged tables, with users that have the rights of the grant files and no others. */
export interface AuditedCloud extends AsyncDisposable {
  readonly tables: DamagedTables;
  audit(...flags: string[]): AuditReport & { readonly status: number | null };
  repair(...flags: string[]): RepairResult;
  run(role: 'audit' | 'repair', ...flags: string[]): ReturnType<typeof usagestream>;
  /** A repair that dies at a point. */
  dieInRepair(at: CrashPoint, ...flags: string[]): void;
  undo(path: string): Promise<void>;
}

export async function openCloud(...load: Parameters<typeof loadDamaged>): Promise<AuditedCloud> {
  const tables = await loadDamaged(...load);
  const { cloudSchema: cloud, cloudUsageSchema: cloud_usage } = tables;
  const users: Record<'audit' | 'repair', GrantedUser> = {
    audit: await grantedUser('audit', { cloud, cloud_usage }),
    repair: await grantedUser('repair', { cloud, cloud_usage }),
  };
  const names = ['--cloud-schema', cloud, '--cloud-usage-schema', cloud_usage];
  const run: AuditedCloud['run'] = (role, ...flags) =>
    usagestream([role, ...names, ...flags], { USAGESTREAM_SINK: users[role].url });
  return {
    tables,
    run,
    dieInRepair: (at, ...flags) =>
      dieAt(at, (env) =>
        usagestream(['repair', ...names, ...flags], {
          USAGESTREAM_SINK: users.repair.url,
          ...env,
        }),
      ),
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
      // What fails within the file was not committed.
      try {
        await player.query(readFileSync(path, 'utf8'));
      } finally {
        await player.end();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const user of Object.values(users)) await user[Symbol.asyncDispose]();
      await tables[Symbol.asyncDispose]();
    },
  };
}
