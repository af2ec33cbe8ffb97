import { tableNames } from '../../domain/account-state.ts';
import { spanColumns } from '../../domain/helper-interval.ts';
import { intervalTables } from '../../domain/helper-tables.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Connection, Pool, RowDataPacket } from '../../platform/mysql.ts';
import type { AuditReport } from '../audit/audit-report.ts';
import { runAudit } from '../audit/run-audit.ts';
import type { CommandContext } from '../command.ts';
import { auditOptions } from '../commands/audit.ts';
import type { auditSettings } from '../commands/audit.ts';
import { applyRepair, checkRepair, planRepair } from '../repair/run-repair.ts';
import type { RepairCounts } from '../repair/repair-tables.ts';
import type { SettingValues } from '../settings.ts';
import type { Problem } from './java-jobs.ts';

/** What a whole audit says of the tables, and what was mended before it. */
export interface Audited {
  /** None when the tables are sound, or would be after the repair. */
  readonly problems: readonly Problem[];
  /** What was repaired, or would be; null when that was not asked for, or there was nothing. */
  readonly repair: { readonly counts: RepairCounts; readonly undoPath: string | null } | null;
  /** {@link tablesSeen} before the tables were read. */
  readonly seen: string;
}

interface AuditFlags {
  readonly dryRun: boolean;
  readonly repair: { readonly undoPath: string } | null;
}

/**
 * Reads the tables whole: what is wrong in them would be wrong in every window to come. Told to repair, it mends
 * them, and reads them again.
 *
 * @throws REPAIR_NOT_ALONE, REPAIR_CONFLICT, CONFIG_INVALID (undo file), and as {@link runAudit}
 */
export async function auditTables(
  pool: Pool,
  values: Pick<SettingValues, (typeof auditSettings)[number]>,
  { repair, dryRun }: AuditFlags,
  context: CommandContext,
): Promise<Audited> {
  const options = auditOptions(values, {}, context);
  const look = () => tablesSeen(pool, values.cloudUsageSchema);
  const seen = await look();
  if (repair === null) {
    const report = await options.showing((audit) => runAudit(audit));
    return { problems: damageOf(report), repair: null, seen };
  }
  const asked = { undoPath: repair.undoPath, hideCharged: false };
  const planned = await options.showing((audit) => planRepair({ ...audit, ...asked }));
  if (!planned.report.isDamaged) return { problems: [], repair: null, seen };
  if (dryRun) {
    await options.showing((audit) => checkRepair({ ...audit, ...asked }));
    return { problems: [], repair: { counts: planned.counts, undoPath: null }, seen };
  }
  const { counts, undoPath } = await options.showing((audit) =>
    applyRepair({ ...audit, ...asked }),
  );
  // Told at once: what follows may be refused, and the repair stays.
  context.logger.warn({ counts, undoPath }, 'tables were repaired');
  const mended = await look();
  const report = await options.showing((audit) => runAudit(audit));
  return { problems: damageOf(report), repair: { counts, undoPath }, seen: mended };
}

function damageOf(report: AuditReport): Problem[] {
  if (!report.isDamaged) return [];
  const counts = report.byKind.map(({ kind, rows }) => `${rows} ${kind}`).join(', ');
  const what = `the tables are damaged${counts === '' ? '' : ` (rows: ${counts})`}: \`usagestream audit\` tells all of it, --repair mends it (as \`usagestream repair\` does); --despite damage takes them over as they are`;
  return [{ name: 'damage', what }];
}

/** Ids and counts of every table that a takeover reads: other when anybody has written meanwhile. */
export async function tablesSeen(db: Pool | Connection, schema: string): Promise<string> {
  const ofIntervals = tableNames.map(
    (name) =>
      [intervalTables[name].name, `MAX(id), COUNT(${quoteName(spanColumns(name)[1])})`] as const,
  );
  const parts: string[] = [];
  for (const [table, facts] of [
    ['usage_job', 'MAX(id), MAX(end_millis), SUM(success = 1)'],
    ['cloud_usage', 'MAX(id)'],
    ['usage_event', 'MAX(id), SUM(processed = 1)'],
    ['usage_network', 'MAX(event_time_millis)'],
    ['usage_vm_disk', 'MAX(event_time_millis)'],
    ...ofIntervals,
  ] as const) {
    const [rows] = await db.query<RowDataPacket[]>(
      `SELECT CONCAT_WS(' ', COUNT(*), ${facts}) AS seen FROM ${quoteName(schema, table)}`,
    );
    parts.push(`${table} ${String(rows[0]?.['seen'])}`);
  }
  return parts.join('; ');
}
