import type { FoldEvent } from '../../contracts/fold.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, resource, zero } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeEach } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** Usage type 28 BACKUP: a VM under a backup offering, with the sizes of the newest metric. */
export const backupRules: Readonly<Record<string, EventRule>> = {
  'BACKUP.OFFERING.ASSIGN': eventRule({ account: true, values: ['offeringId'] }, (ledger, event) =>
    ledger.open('backup', openOf(ledger, event), event, {
      vmId: resource(event),
      offeringId: event.offeringId,
      size: zero,
      protectedSize: zero,
    }),
  ),
  'BACKUP.OFFERING.BACKUPS.DEL': eventRule(
    { account: true, values: ['offeringId'] },
    (ledger, event) => ledger.closeExpected('backup', openOf(ledger, event), event),
  ),
  // A metric replaces the sizes, so the whole window is billed with the last one.
  'BACKUP.USAGE.METRIC': eventRule({ account: true }, (ledger, event) => {
    if (event.size === null) return;
    const [row] = openOf(ledger, event);
    if (row === undefined) {
      ledger.note('CLOSE_WITHOUT_OPEN', event, {});
      return;
    }
    const sizes = { size: event.size, protectedSize: event.virtualSize ?? zero };
    ledger.tables.backup.replace(row, { ...row, ...sizes });
  }),
};

/** One row per interval. */
export function backupRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  return timeEach(ctx, ledger.tables.backup.rows).map(({ row, ...time }) =>
    hoursRow(ctx, time, {
      usageType: 28,
      zoneId: row.zoneId,
      description: `Backup usage VM ID: ${row.vmId}, backup offering: ${row.offeringId}`,
      vmInstanceId: row.vmId,
      offeringId: row.offeringId,
      usageId: row.vmId,
      size: row.size,
      virtualSize: row.protectedSize,
    }),
  );
}

const openOf = (ledger: Ledger, event: FoldEvent) =>
  ledger.tables.backup.openOf(resource(event)).filter((row) => row.offeringId === event.offeringId);
