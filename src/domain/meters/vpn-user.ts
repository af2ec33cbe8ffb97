import type { FoldEvent } from '../../contracts/fold.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { eventRule, resource } from '../event-rule.ts';
import type { EventRule } from '../event-rule.ts';
import { timeByKey } from '../keyed-hours.ts';
import type { Ledger } from '../ledger.ts';
import { hoursRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** Usage type 14 VPN_USERS; the zone is always 0. */
export const vpnUserRules: Readonly<Record<string, EventRule>> = {
  'VPN.USER.ADD': eventRule({ account: true }, (ledger, event) => {
    const open = openOf(ledger, event);
    if (open.length > 0) ledger.note('DOUBLE_OPEN', event, { openedBy: open[0]?.openedBy ?? null });
    else ledger.insert('vpnUser', event, { userId: resource(event), userName: event.resourceName });
  }),
  'VPN.USER.REMOVE': eventRule({ account: true }, (ledger, event) => {
    const atMs = ledger.quirks.vpnRemovedAtRunTime ? ledger.window.runMs : event.createdMs;
    ledger.closeExpected('vpnUser', openOf(ledger, event), event, atMs);
  }),
};

/** One row per VPN user and name. */
export function vpnUserRows(ledger: Ledger, ctx: RowContext): UsageRow[] {
  const { rows } = ledger.tables.vpnUser;
  return timeByKey(ctx, rows, (row) => `${row.userId}VU${row.userName}`).map((time) => {
    const { zoneId, userId, userName } = time.last;
    return hoursRow(ctx, time, {
      usageType: 14,
      zoneId,
      description: `VPN User: ${userName}, Id: ${userId} usage time`,
      usageId: userId,
    });
  });
}

const openOf = (ledger: Ledger, event: FoldEvent) =>
  ledger.tables.vpnUser.openOf(resource(event)).filter((row) => row.zoneId === event.zoneId);
