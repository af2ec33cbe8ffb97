import type { FoldEvent } from '../../contracts/fold.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, resource } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** Usage type 10 SECURITY_GROUP: a VM's membership; the group is in the event's offering id. */
export const securityGroupRules: Readonly<Record<string, EventRule>> = {
  'SG.ASSIGN': eventRule({ account: true, values: ['offeringId'] }, (ledger, event) => {
    const columns = { vmId: resource(event), groupId: event.offeringId };
    ledger.open('securityGroup', openOf(ledger, event), event, columns);
  }),
  'SG.REMOVE': eventRule({ values: ['offeringId'] }, (ledger, event) =>
    ledger.closeExpected('securityGroup', openOf(ledger, event), event),
  ),
};

/** One row per VM and group. */
export function securityGroupRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  const { rows } = ledger.tables.securityGroup;
  return timeByKey(ctx, rows, (row) => `${row.vmId}SG${row.groupId}`).map((time) => {
    const { zoneId, vmId, groupId } = time.last;
    return hoursRow(ctx, time, {
      usageType: 10,
      zoneId,
      description: `Security Group: ${groupId} for Vm : ${vmId} usage time`,
      vmInstanceId: vmId,
      usageId: groupId,
    });
  });
}

const openOf = (ledger: Ledger, event: FoldEvent) =>
  ledger.tables.securityGroup
    .openOf(resource(event))
    .filter((row) => row.groupId === event.offeringId);
