import type { FoldEvent } from '../../contracts/fold.ts';
import type { U64 } from '../../contracts/ids.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { detailNumber, eventRule, isRefusal, orNone, resource, zero } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import type { VmSnapshotInterval } from '../intervals.ts';
import { timeEach } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { sizeText } from '../size-text.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { BilledTime, RowContext } from '../usage-row-form.ts';
import { chainedTime } from './vm-snapshot-chain.ts';

/** Largest value of the helper table's signed columns. */
export const maxLong = (1n << 63n) - 1n;

/**
 * Usage type 25 VM_SNAPSHOT: one event per volume of the VM. The volume is in the event's template id,
 * its disk offering in the offering id, the snapshot in a detail.
 */
export const vmSnapshotRules: Readonly<Record<string, EventRule>> = {
  'VMSNAPSHOT.CREATE': eventRule({ account: true, values: ['templateId'] }, (ledger, event) => {
    const vmSnapshotId = detailNumber(event, 'vmSnapshotId', maxLong);
    if (isRefusal(vmSnapshotId)) return vmSnapshotId;
    const vmId = resource(event);
    const volumeId = event.templateId;
    const open = ledger.tables.vmSnapshot
      .openOf(vmId)
      .filter((row) => row.volumeId === volumeId && isSameSnapshot(row, vmSnapshotId));
    const { offeringId, size } = event;
    ledger.open('vmSnapshot', open, event, {
      ...{ vmId, volumeId, offeringId, vmSnapshotId },
      size: size ?? zero,
    });
    return;
  }),
  'VMSNAPSHOT.DELETE': eventRule({ account: true }, (ledger, event) => {
    const open = ledger.tables.vmSnapshot.openOf(resource(event));
    // CloudStack's server does not read the detail here, so a wrong one does not stop it.
    if (ledger.quirks.vmSnapshotClosedByOffering) {
      const isMeant = (row: VmSnapshotInterval) => hasOffering(row, event);
      ledger.closeExpected('vmSnapshot', open.filter(isMeant), event);
      return;
    }
    const vmSnapshotId = detailNumber(event, 'vmSnapshotId', maxLong);
    if (isRefusal(vmSnapshotId)) return vmSnapshotId;
    const isMeant = (row: VmSnapshotInterval) =>
      row.vmSnapshotId === vmSnapshotId && row.volumeId === event.templateId;
    ledger.closeExpected('vmSnapshot', open.filter(isMeant), event);
    return;
  }),
};

/** One row per interval, with the interval's own dates. */
export function vmSnapshotRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  const billed: readonly VmSnapshotTime[] = ctx.quirks.vmSnapshotChain
    ? chainedTime(ledger, ctx)
    : timeEach(ctx, ledger.tables.vmSnapshot.rows);
  return billed.map((time) => {
    const { row, idOf = row } = time;
    const offeringId = orNone(row.offeringId);
    const offering = offeringId === null ? '' : ` DiskOffering: ${offeringId}`;
    const [interval] = time.lineage;
    return hoursRow(ctx, time, {
      usageType: 25,
      zoneId: idOf.zoneId,
      description:
        `VMSnapshot Id: ${idOf.vmSnapshotId} Usage: VM Id: ${row.vmId} ` +
        `Volume Id: ${row.volumeId} ${offering} Size: ${sizeText(BigInt(row.size))}`,
      vmInstanceId: row.vmId,
      offeringId,
      usageId: idOf.vmSnapshotId,
      size: row.size,
      startMs: interval?.beginMs ?? ctx.window.startMs,
      endMs: Math.min(interval?.endMs ?? ctx.window.endMs, ctx.window.endMs - 1),
    });
  });
}

/** Billed time of one snapshot; `idOf` when snapshot and zone are told from another interval. */
export interface VmSnapshotTime extends BilledTime {
  readonly row: VmSnapshotInterval;
  readonly idOf?: VmSnapshotInterval;
}

/** Whether a row is of that snapshot; one without an id may be any. */
export const isSameSnapshot = (row: { readonly vmSnapshotId: U64 | null }, id: U64 | null) =>
  id !== null && row.vmSnapshotId === id;

/** CloudStack's lookup; a comparison with a NULL offering finds nothing. */
const hasOffering = (row: VmSnapshotInterval, event: FoldEvent): boolean =>
  row.zoneId === event.zoneId && row.offeringId !== null && row.offeringId === event.offeringId;
