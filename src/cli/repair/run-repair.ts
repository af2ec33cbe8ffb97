import { runAudit } from '../audit/run-audit.ts';
import type { AuditOptions } from '../audit/run-audit.ts';
import type { AuditReport } from '../audit/audit-report.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { RepairConnection } from './repair-connection.ts';
import { RepairPlan, RepairTables } from './repair-tables.ts';
import type { RepairCounts } from './repair-tables.ts';
import { refuseUndoFile, UndoFile } from './undo-file.ts';

export interface RepairOptions extends AuditOptions {
  readonly hideCharged: boolean;
  readonly undoPath: string;
}

export interface RepairResult {
  /** As the tables were before. */
  readonly report: AuditReport;
  readonly counts: RepairCounts;
  /** null when nothing was changed. */
  readonly undoPath: string | null;
}

/** Says what a repair would do, and changes nothing. */
export async function planRepair(options: RepairOptions): Promise<RepairResult> {
  const plan = new RepairPlan(options.hideCharged);
  const report = await runAudit(options, plan);
  plan.counts.eventsMarked = report.events.stuck.count;
  return { report, counts: plan.counts, undoPath: null };
}

/** What would refuse the repair itself. @throws REPAIR_NOT_ALONE; CONFIG_INVALID when the undo file cannot be made */
export async function checkRepair({
  target,
  cloudUsageSchema,
  undoPath,
}: RepairOptions): Promise<void> {
  await RepairConnection.look(target, cloudUsageSchema);
  await refuseUndoFile(undoPath);
}

/**
 * Repairs the tables in one transaction. The undo file is complete and on disk before it commits; a fault
 * on the way leaves the tables as they were, and no file.
 *
 * @throws REPAIR_NOT_ALONE while a usage server lives; REPAIR_CONFLICT when another, such as quota, changed
 *   a row meanwhile; what {@link runAudit} throws
 */
export async function applyRepair(options: RepairOptions): Promise<RepairResult> {
  const { target, cloudUsageSchema: schema } = options;
  await using work = await RepairConnection.open(target, schema);
  const undo = await UndoFile.create(options.undoPath, schema);
  crashPoint('repair.undo-begun');
  const tables = new RepairTables(work, undo, schema, options.hideCharged);
  let report: AuditReport;
  try {
    report = await runAudit(options, tables);
    await tables.finish(report.billedToMs);
    crashPoint('repair.tables-changed');
    await work.checkAlone();
    options.signal.throwIfAborted();
    if (undo.isEmpty) await undo.discard();
    else await undo.finish();
  } catch (error) {
    await undo.discard();
    throw error;
  }
  crashPoint('repair.undo-written');
  // From here the file stays: a connection lost in a COMMIT does not say what became of it.
  await work.rows('COMMIT');
  crashPoint('repair.after-commit');
  return { report, counts: tables.plan.counts, undoPath: undo.isEmpty ? null : undo.path };
}
