import { u64 } from '../../src/contracts/ids.ts';
import { naturalKey } from '../../src/domain/natural-key.ts';
import { day, firstDay } from '../integration/sink-fixture.ts';
import type { TestRow } from '../integration/sink-fixture.ts';

export const hour = 3_600_000;

/** A VM's row of some hours, in a generation. */
export function vm(
  generation: number,
  account: string,
  vmId: number,
  hours: number,
  at = 0,
): TestRow {
  const startMs = firstDay + at * day;
  const key = naturalKey({ accountId: u64(account), usageType: 1, key: `vm ${vmId}` }, startMs);
  return {
    ...{ account, key, startMs },
    columns: {
      generation,
      usage_id: vmId,
      description: `vm ${vmId}`,
      quantity: hours * hour,
      raw_usage: hours,
      usage_display: `${hours} Hrs`,
    },
  };
}
