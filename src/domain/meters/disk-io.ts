import type { Counter } from '../../contracts/feed-record.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import type { CounterBase } from '../account-state.ts';
import { counterGrowth, growthGroups } from '../counters.ts';
import type { Growth } from '../counters.ts';
import { orNone, zero } from '../event-rule.ts';
import type { Findings } from '../findings.ts';
import { amountRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

const directions = [
  { usageType: 21, description: 'disk I/O read (io requests)', unit: 'io read' },
  { usageType: 22, description: 'disk I/O write (io requests)', unit: 'io write' },
  { usageType: 23, description: 'disk I/O read (bytes)', unit: 'bytes read' },
  { usageType: 24, description: 'disk I/O write (bytes)', unit: 'bytes write' },
];

/**
 * Usage types 21 to 24, disk I/O of a VM's volume in requests and bytes: what the aggregated totals
 * of vm_disk_statistics have grown by. All four rows are written when one has something.
 *
 * @param counters The account's statistics rows in id order, as of the run time.
 */
export function diskIo(
  ctx: RowContext,
  counters: readonly Counter[],
  bases: readonly CounterBase[],
  findings: Findings,
): { rows: UsageRow[]; bases: readonly CounterBase[]; growth: readonly Growth[] } {
  const readings = counters.flatMap((row) => {
    if (row.table !== 'vm_disk_statistics') return [];
    const { aggIoRead, aggIoWrite, aggBytesRead, aggBytesWrite } = row;
    const totals = [aggIoRead, aggIoWrite, aggBytesRead, aggBytesWrite].map(BigInt);
    const { zoneId, vmId: ownerId, volumeId: partId } = row;
    return [{ zoneId, ownerId, partId, label: 'VirtualMachine', totals }];
  });
  const { growth, bases: next } = counterGrowth(ctx.quirks, bases, readings);
  for (const { isReset, zoneId, ownerId, partId } of growth)
    if (isReset) findings.note('COUNTER_RESET', null, { zoneId, vmId: ownerId, volumeId: partId });

  const rows = growthGroups(growth).flatMap((group) => {
    const isNamed = orNone(group.ownerId) !== null && orNone(group.partId) !== null;
    const suffix = isNamed ? ` for Vm: ${group.ownerId} and Volume: ${group.partId}` : '';
    return directions.map(({ usageType, description, unit }, at) => {
      const amount = group.deltas[at] ?? 0n;
      return amountRow(ctx, {
        usageType,
        key: group.key,
        zoneId: group.zoneId,
        description: description + suffix,
        usageDisplay: `${amount} ${unit}`,
        amount,
        vmInstanceId: isNamed ? group.ownerId : null,
        usageId: group.partId ?? zero,
        type: group.label,
      });
    });
  });
  return { rows, bases: next, growth };
}
