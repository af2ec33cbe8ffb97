import { u64 } from '../../contracts/ids.ts';
import type { ZoneId } from '../../contracts/ids.ts';
import type { AccountFacts } from '../../contracts/fold.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import { amountRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** Buckets belong to no zone; CloudStack writes this one. */
const bucketZone = u64<ZoneId>('1');

/** Usage type 29 BUCKET: the size known at the run time, once per window, whatever the time. */
export function bucketRows(ctx: RowContext, facts: AccountFacts): UsageRow[] {
  const removed = new Set(
    facts.buckets
      .filter(({ removedMs }) => removedMs !== null && removedMs < ctx.window.endMs)
      .map(({ id }) => id),
  );
  return facts.counters.flatMap((row) => {
    if (row.table !== 'bucket_statistics') return [];
    if (removed.has(row.bucketId) && !ctx.quirks.removedBucketsBilled) return [];
    const amount = BigInt(row.size ?? 0);
    if (amount === 0n) return [];
    return [
      amountRow(ctx, {
        usageType: 29,
        // A bucket may have two statistics rows; CloudStack bills both.
        key: `${row.bucketId}S${row.id}`,
        zoneId: bucketZone,
        description: 'Bucket Size',
        usageDisplay: `${amount} bytes`,
        amount,
        usageId: row.bucketId,
      }),
    ];
  });
}
