import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, resource } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** Usage type 12 PORT_FORWARDING_RULE. Static NAT rules are among them, with zone 0. */
export const portForwardingRules: Readonly<Record<string, EventRule>> = {
  'NET.RULEADD': eventRule({ account: true }, (ledger, event) => {
    const ruleId = resource(event);
    ledger.open('portForwarding', ledger.tables.portForwarding.openOf(ruleId), event, { ruleId });
  }),
  // Its zone is always 0: the rule is found by its id alone.
  'NET.RULEDELETE': eventRule({}, (ledger, event) => {
    const open = ledger.tables.portForwarding.openOf(resource(event));
    ledger.closeExpected('portForwarding', open, event);
  }),
};

/** One row per rule. */
export function portForwardingRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  return timeByKey(ctx, ledger.tables.portForwarding.rows, (row) => row.ruleId).map((time) =>
    hoursRow(ctx, time, {
      usageType: 12,
      zoneId: time.last.zoneId,
      description: `Port Forwarding Rule: ${time.last.ruleId} usage time`,
      usageId: time.last.ruleId,
    }),
  );
}
