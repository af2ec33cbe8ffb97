import { isU64, u64 } from '../../contracts/ids.ts';
import type { FoldEvent } from '../../contracts/fold.ts';
import type { U64 } from '../../contracts/ids.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, resource, zero } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import type { NetworkOfferingInterval } from '../intervals.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

const one = u64('1');
type Offered = FoldEvent & { readonly offeringId: U64 };

const assign = eventRule({ account: true, values: ['offeringId', 'size'] }, (ledger, event) => {
  const nicId = nicOf(event);
  const isDefault = event.size === one;
  const columns = { vmId: resource(event), offeringId: event.offeringId, nicId, isDefault };
  const open = sameOffering(ledger, event).filter((row) => row.nicId === nicId);
  ledger.open('networkOffering', open, event, columns);
});

const remove = eventRule({ values: ['offeringId'] }, (ledger, event) => {
  const offered = sameOffering(ledger, event);
  const nic = offered.filter((row) => row.nicId === nicOf(event));
  const named = nic.length > 0 && ledger.quirks.removeClosesAllNics ? offered : nic;
  if (ledger.quirks.removeClosesSameSecondAssign) {
    ledger.closeExpected('networkOffering', named, event);
    return;
  }
  const before = named.filter((row) => row.beginMs < event.createdMs);
  if (before.length > 0) ledger.close('networkOffering', before, event);
  else if (!named.some((row) => hasSucceeded(ledger, row)))
    ledger.closeExpected('networkOffering', named, event);
});

/** Usage type 13 NETWORK_OFFERING: one event per NIC of a VM; the NIC's id is in the resource name. */
export const networkOfferingRules: Readonly<Record<string, EventRule>> = {
  'NETWORK.OFFERING.ASSIGN': assign,
  'NETWORK.OFFERING.CREATE': assign,
  'NETWORK.OFFERING.REMOVE': remove,
  'NETWORK.OFFERING.DELETE': remove,
};

/** One row per VM and network offering: the time of all NICs that use it is added up. */
export function networkOfferingRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  const { rows } = ledger.tables.networkOffering;
  return timeByKey(ctx, rows, (row) => `${row.vmId}NO${row.offeringId}`).map((time) => {
    const { zoneId, vmId, offeringId, isDefault } = time.last;
    return hoursRow(ctx, time, {
      usageType: 13,
      zoneId,
      description: `Network offering:${offeringId} for Vm : ${vmId} usage time`,
      vmInstanceId: vmId,
      offeringId,
      // Not an id: CloudStack tells here whether the NIC is the default one.
      usageId: isDefault ? one : zero,
    });
  });
}

const sameOffering = (ledger: Ledger, event: Offered) =>
  ledger.tables.networkOffering
    .openOf(resource(event))
    .filter((row) => row.offeringId === event.offeringId);

/**
 * Whether the row took over from one of the same NIC in its first second. A change of the default NIC
 * writes ASSIGN (new role) before REMOVE (old role): the removal was then done by the assignment.
 */
const hasSucceeded = (ledger: Ledger, row: NetworkOfferingInterval): boolean =>
  ledger.tables.networkOffering.rows.some((other) => other.closedBy === row.openedBy);

/** The NIC's id; 0 when the text is not a number, as in CloudStack. */
function nicOf(event: FoldEvent): U64 {
  const text = event.resourceName ?? '';
  const digits = /^\d{1,20}$/.test(text) ? String(BigInt(text)) : '';
  return isU64(digits) ? digits : zero;
}
