import type { Counter } from '../../contracts/feed-record.ts';
import type { UsageRow } from '../../contracts/usage-row.ts';
import type { CounterBase } from '../account-state.ts';
import { counterGrowth, growthGroups } from '../counters.ts';
import type { Growth, Reading } from '../counters.ts';
import type { Findings } from '../findings.ts';
import { amountRow } from '../usage-row-form.ts';
import type { RowContext } from '../usage-row-form.ts';

/** What is billed of the rows of one statistics table. */
export interface CounterKind {
  /** In the order of a reading's totals. */
  readonly directions: readonly {
    readonly usageType: number;
    readonly description: string;
    readonly unit: string;
  }[];
  /** What a statistics row says; null for a row of another table. */
  readonly read: (row: Counter) => Reading | null;
  /** What the finding of a reset calls a counter's owner and its part. */
  readonly names: readonly [owner: string, part: string];
  /** What ends a row's description, and its columns that say whose the counter is. */
  readonly ownerOf: (counter: Growth) => {
    readonly suffix: string;
    readonly columns: Partial<Pick<UsageRow, 'vmInstanceId' | 'usageId' | 'networkId'>>;
  };
}

/**
 * The rows of what an account's counters of a kind have grown by, as of the run time: of each counter a row for
 * every direction when one of them has something.
 *
 * @param counters The account's statistics rows in id order, of any table.
 */
export function countedRows(
  kind: CounterKind,
  ctx: RowContext,
  counters: readonly Counter[],
  bases: readonly CounterBase[],
  findings: Findings,
): { rows: UsageRow[]; bases: readonly CounterBase[]; growth: readonly Growth[] } {
  const readings = counters.flatMap((row) => kind.read(row) ?? []);
  const { growth, bases: next } = counterGrowth(ctx.quirks, bases, readings);
  const [owner, part] = kind.names;
  for (const { isReset, zoneId, ownerId, partId } of growth)
    if (isReset) findings.note('COUNTER_RESET', null, { zoneId, [owner]: ownerId, [part]: partId });

  const rows = growthGroups(growth).flatMap((group) => {
    const { suffix, columns } = kind.ownerOf(group);
    return kind.directions.map(({ usageType, description, unit }, at) => {
      const amount = group.deltas[at] ?? 0n;
      return amountRow(ctx, {
        usageType,
        key: group.key,
        zoneId: group.zoneId,
        description: description + suffix,
        usageDisplay: `${amount} ${unit}`,
        amount,
        type: group.label,
        ...columns,
      });
    });
  });
  return { rows, bases: next, growth };
}
