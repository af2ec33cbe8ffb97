import type { Counter } from '../../contracts/feed-record.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import type { CounterBase } from '../account-state.ts';
import { counterGrowth, growthGroups } from '../counters.ts';
import type { Growth } from '../counters.ts';
import { orNone } from '../event-rule.ts';
import type { Findings } from '../findings.ts';
import { amountRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

const directions = [
  { usageType: 4, description: 'network bytes sent', unit: 'bytes sent' },
  { usageType: 5, description: 'network bytes received', unit: 'bytes received' },
];

/**
 * Usage types 4 NETWORK_BYTES_SENT and 5 NETWORK_BYTES_RECEIVED: what the aggregated totals of
 * user_statistics have grown by, per device and network. Both rows are written when one has bytes.
 *
 * @param counters The account's statistics rows in id order, as of the run time.
 */
export function networkBytes(
  ctx: RowContext,
  counters: readonly Counter[],
  bases: readonly CounterBase[],
  findings: Findings,
): { rows: UsageRow[]; bases: readonly CounterBase[]; growth: readonly Growth[] } {
  const readings = counters.flatMap((row) => {
    if (row.table !== 'user_statistics') return [];
    const totals = [BigInt(row.aggBytesSent), BigInt(row.aggBytesReceived)];
    const { zoneId, deviceId: ownerId, networkId: partId, deviceType: label } = row;
    return [{ zoneId, ownerId, partId, label, totals }];
  });
  const { growth, bases: next } = counterGrowth(ctx.quirks, bases, readings);
  for (const { isReset, zoneId, ownerId, partId } of growth)
    if (isReset)
      findings.note('COUNTER_RESET', null, { zoneId, deviceId: ownerId, networkId: partId });

  const rows = growthGroups(growth).flatMap((group) => {
    const device = orNone(group.ownerId);
    const suffix = device === null ? '' : ` for Host: ${device}`;
    return directions.map(({ usageType, description, unit }, at) => {
      const amount = group.deltas[at] ?? 0n;
      return amountRow(ctx, {
        usageType,
        key: group.key,
        zoneId: group.zoneId,
        description: description + suffix,
        usageDisplay: `${amount} ${unit}`,
        amount,
        usageId: device,
        type: group.label,
        networkId: group.partId,
      });
    });
  });
  return { rows, bases: next, growth };
}
