import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, resource, zero } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeEach } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** Usage type 31 VPC. */
export const vpcRules: Readonly<Record<string, EventRule>> = {
  'VPC.CREATE': eventRule({ account: true }, (ledger, event) => {
    const vpcId = resource(event);
    const [open] = ledger.tables.vpc.openOf(vpcId);
    if (open === undefined) ledger.insert('vpc', event, { vpcId });
    else ledger.note('DOUBLE_OPEN', event, { openedBy: open.openedBy });
  }),
  'VPC.DELETE': eventRule({}, (ledger, event) =>
    ledger.closeExpected('vpc', ledger.tables.vpc.openOf(resource(event)), event),
  ),
};

/** One row per interval. */
export function vpcRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  return timeEach(ctx, ledger.tables.vpc.rows).map(({ row, ...time }) =>
    hoursRow(ctx, time, {
      usageType: 31,
      zoneId: row.zoneId,
      description: `VPC usage for VPC ID: ${row.vpcId}`,
      usageId: row.vpcId,
      size: zero,
    }),
  );
}
