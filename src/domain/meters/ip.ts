import type { UsageRow } from '../../contracts/usage-row.ts';
import { u64 } from '../../contracts/ids.ts';
import { detail, eventRule, orNone, resource, zero } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

const one = u64('1');

/** Usage type 3 IP_ADDRESS. The address is in the event's resource name, its role in size. */
export const ipRules: Readonly<Record<string, EventRule>> = {
  'NET.IPASSIGN': eventRule(
    { account: true, values: ['size', 'resourceName'] },
    (ledger, event) => {
      const ipId = resource(event);
      const address = event.resourceName;
      const named = ledger.tables.ip.openOf(ledger.quirks.ipReleasedByAddress ? address : ipId);
      ledger.open(
        'ip',
        named.filter((row) => row.ipId === ipId),
        event,
        {
          ipId,
          address,
          isSourceNat: event.size === one,
          isSystem: orNone(event.templateId) !== null,
          isHidden: detail(event, 'hidden') === 'true',
        },
      );
    },
  ),
  'NET.IPRELEASE': eventRule({}, (ledger, event) => {
    const key = ledger.quirks.ipReleasedByAddress ? event.resourceName : resource(event);
    ledger.closeExpected('ip', key === null ? [] : ledger.tables.ip.openOf(key), event);
  }),
};

/** One row per address; its flags are those of its newest interval. */
export function ipRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  // Of addresses CloudStack reads no more than what has begun.
  const begun = ledger.tables.ip.rows.filter(({ beginMs }) => beginMs < ctx.window.endMs);
  return timeByKey(ctx, begun, (row) => row.ipId).map((time) => {
    const { zoneId, ipId, address, isSystem, isSourceNat, isHidden } = time.last;
    return hoursRow(ctx, time, {
      usageType: 3,
      zoneId,
      description: `IPAddress: ${address}`,
      usageId: ipId,
      size: isSystem ? one : zero,
      type: isSourceNat ? 'SourceNat' : '',
      isHidden,
    });
  });
}
