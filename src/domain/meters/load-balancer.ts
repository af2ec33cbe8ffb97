import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, resource } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** Usage type 11 LOAD_BALANCER_POLICY. */
export const loadBalancerRules: Readonly<Record<string, EventRule>> = {
  'LB.CREATE': eventRule({ account: true }, (ledger, event) => {
    const ruleId = resource(event);
    ledger.open('loadBalancer', ledger.tables.loadBalancer.openOf(ruleId), event, { ruleId });
  }),
  'LB.DELETE': eventRule({}, (ledger, event) => {
    const open = ledger.tables.loadBalancer.openOf(resource(event));
    ledger.closeExpected('loadBalancer', open, event);
  }),
};

/** One row per load balancer rule. */
export function loadBalancerRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  return timeByKey(ctx, ledger.tables.loadBalancer.rows, (row) => row.ruleId).map((time) =>
    hoursRow(ctx, time, {
      usageType: 11,
      zoneId: time.last.zoneId,
      description: `Load Balancing Policy: ${time.last.ruleId} usage time`,
      usageId: time.last.ruleId,
    }),
  );
}
