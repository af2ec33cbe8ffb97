import type { UsageRow } from '../../contracts/usage-row.ts';
import { detailNumber, eventRule, isRefusal, resource, zero } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import type { SnapshotOnPrimaryInterval } from '../intervals.ts';
import { timeEach } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { sizeText } from '../size-text.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';
import { isSameSnapshot, maxLong } from './vm-snapshot.ts';

/** Usage type 27 VM_SNAPSHOT_ON_PRIMARY: a VM snapshot, found again by VM and snapshot name. */
export const snapshotOnPrimaryRules: Readonly<Record<string, EventRule>> = {
  'VMSNAPSHOT.ON_PRIMARY': eventRule({ account: true }, (ledger, event) => {
    const vmSnapshotId = detailNumber(event, 'vmSnapshotId', maxLong);
    if (isRefusal(vmSnapshotId)) return vmSnapshotId;
    const vmId = resource(event);
    const name = event.resourceName;
    const open = ledger.tables.snapshotOnPrimary
      .openOf(vmId)
      .filter((row) => row.name === name && isSameSnapshot(row, vmSnapshotId));
    ledger.open('snapshotOnPrimary', open, event, {
      ...{ vmId, name },
      physicalSize: event.size ?? zero,
      virtualSize: event.virtualSize ?? zero,
      vmSnapshotId,
    });
    return;
  }),
  'VMSNAPSHOT.OFF_PRIMARY': eventRule({}, (ledger, event) => {
    const open = ledger.tables.snapshotOnPrimary
      .openOf(resource(event))
      .filter((row) => row.name !== null && row.name === event.resourceName);
    ledger.closeExpected('snapshotOnPrimary', open, event);
  }),
};

/** One row per interval that holds bytes, with the interval's own dates. */
export function snapshotOnPrimaryRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  const seen = readRows(ledger.tables.snapshotOnPrimary.rows, ctx);
  if (ctx.quirks.emptySnapshotOnPrimaryEnds) endEmpty(ledger, ctx, seen);
  const rows = billedRows(seen, ctx);
  return timeEach(ctx, rows).map(({ row, ...time }) => {
    const [interval] = time.lineage;
    return hoursRow(ctx, time, {
      usageType: 27,
      zoneId: row.zoneId,
      description:
        `VMSnapshot Id: ${row.vmSnapshotId} On Primary Usage: VM Id: ${row.vmId} ` +
        `Size: ${sizeText(BigInt(row.virtualSize))}`,
      vmInstanceId: row.vmId,
      vmName: row.name,
      usageId: row.vmSnapshotId,
      size: row.physicalSize,
      virtualSize: row.virtualSize,
      startMs: interval?.beginMs ?? ctx.window.startMs,
      endMs: Math.min(interval?.endMs ?? ctx.window.endMs, ctx.window.endMs - 1),
    });
  });
}

/** The rows that the window reads, whether they hold bytes or not. */
function readRows(rows: readonly SnapshotOnPrimaryInterval[], { quirks, window }: RowContext) {
  const lastSecondMs = window.endMs - 1000;
  return (
    rows
      // The first window of a long day: CloudStack looks for those that are still there, or deleted in it.
      .filter((row) => !quirks.splitLongDay || row.endMs === null || row.endMs < window.endMs)
      .filter((row) => row.endMs === null || row.endMs >= window.startMs)
      .filter(
        (row) =>
          !quirks.snapshotOnPrimaryLastSecond || row.endMs !== null || row.beginMs < lastSecondMs,
      )
  );
}

/**
 * Reading changes the ledger: what holds no bytes ends at the run time, also what its event has ended. (A
 * server ends it again in each later run. Here it is forgotten: nothing is billed by it any more.)
 */
function endEmpty(
  { tables }: Ledger,
  { window }: RowContext,
  seen: readonly SnapshotOnPrimaryInterval[],
): void {
  for (const row of seen) {
    if (row.physicalSize !== zero) continue;
    const ended = { ...row, endMs: window.runMs };
    if (row.endMs === null) tables.snapshotOnPrimary.replace(row, ended);
    else tables.snapshotOnPrimary.replaceClosed(row, ended);
  }
}

function billedRows(seen: readonly SnapshotOnPrimaryInterval[], { quirks }: RowContext) {
  const filled = seen.filter((row) => row.physicalSize !== zero);
  if (!quirks.snapshotOnPrimaryByName) return filled;
  const newest = new Map<string | null, SnapshotOnPrimaryInterval>();
  for (const row of filled.toSorted((a, b) => a.beginMs - b.beginMs)) newest.set(row.name, row);
  return [...newest.values()];
}
