import type { FoldEvent } from '../../contracts/fold.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, resource, zero } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeEach } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** Usage type 30 NETWORK; each change of state or offering begins another interval. */
export const networkRules: Readonly<Record<string, EventRule>> = {
  'NETWORK.CREATE': eventRule({ account: true, values: ['offeringId'] }, (ledger, event) => {
    const open = openOf(ledger, event);
    const { offeringId } = event;
    if (open.length > 0) ledger.note('DOUBLE_OPEN', event, { openedBy: open[0]?.openedBy ?? null });
    else
      ledger.insert('network', event, {
        networkId: resource(event),
        offeringId,
        state: 'Allocated',
      });
  }),
  'NETWORK.UPDATE': eventRule({ account: true, values: ['offeringId'] }, (ledger, event) =>
    ledger.succeed('network', openOf(ledger, event), event, {
      networkId: resource(event),
      offeringId: event.offeringId,
      state: event.resourceType,
    }),
  ),
  'NETWORK.DELETE': eventRule({}, (ledger, event) =>
    ledger.closeExpected('network', openOf(ledger, event), event),
  ),
};

/** One row per interval. */
export function networkRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  return timeEach(ctx, ledger.tables.network.rows).map(({ row, ...time }) =>
    hoursRow(ctx, time, {
      usageType: 30,
      zoneId: row.zoneId,
      description: `Network usage for network ID: ${row.networkId}, network offering: ${row.offeringId}`,
      offeringId: row.offeringId,
      usageId: row.networkId,
      size: zero,
      state: row.state,
    }),
  );
}

const openOf = (ledger: Ledger, event: FoldEvent) => ledger.tables.network.openOf(resource(event));
