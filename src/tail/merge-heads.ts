import type { AdoptPartition, Head } from './adopt-partition.ts';
import { compareBinlogPoints } from './binlog-point.ts';

interface Lane {
  readonly partition: AdoptPartition;
  readonly rest: AsyncIterator<Head>;
  head: Head;
}

/**
 * Changes of several partitions in the order of the binlog. Each partition has its own in that order.
 */
export async function* mergeHeads(
  opened: readonly { readonly partition: AdoptPartition; readonly heads: AsyncIterator<Head> }[],
): AsyncGenerator<Head> {
  const started = await Promise.all(
    opened.map(async ({ partition, heads }): Promise<Lane | null> => {
      const first = await heads.next();
      return first.done === true ? null : { partition, rest: heads, head: first.value };
    }),
  );
  const lanes = started.filter((lane) => lane !== null);
  try {
    while (lanes.length > 0) {
      let at = 0;
      for (let i = 1; i < lanes.length; i++)
        if (compareHeads(lanes[i]!.head, lanes[at]!.head) < 0) at = i;
      const lane = lanes[at]!;
      lane.partition.passed(lane.head.offset);
      yield lane.head;
      const next = await lane.rest.next();
      if (next.done === true) lanes.splice(at, 1);
      else lane.head = next.value;
    }
  } finally {
    for (const lane of lanes) await lane.rest.return?.(undefined);
  }
}

/** A snapshot comes before what follows it; its rows have one place and go by table and key. */
export function compareHeads(a: Head, b: Head): number {
  const [one, other] = [a.change, b.change];
  const [isRead, otherIsRead] = [one.op === 'r', other.op === 'r'];
  if (isRead && otherIsRead) return compareRead(a, b);
  // Places of two servers cannot be compared: what was processed first comes first.
  if (one.serverId !== other.serverId && !isRead && !otherIsRead)
    return one.processedMs - other.processedMs;
  const place = compareBinlogPoints(one.position, other.position);
  if (place !== 0) return place;
  if (isRead !== otherIsRead) return isRead ? -1 : 1;
  return one.position.row - other.position.row || a.rank - b.rank;
}

// Details go with their events, so that whose they are is still remembered.
function compareRead(a: Head, b: Head): number {
  const [one, other] = [eventOf(a), eventOf(b)];
  if (one === null || other === null)
    return Number(one !== null) - Number(other !== null) || a.rank - b.rank;
  const shorter = one.length - other.length;
  if (shorter !== 0) return shorter;
  return one === other ? a.rank - b.rank : one < other ? -1 : 1;
}

function eventOf({ change }: Head): string | null {
  const { kind } = change.layout.table;
  if (kind !== 'usage-event' && kind !== 'event-detail') return null;
  return String(change.after?.[kind === 'usage-event' ? 'id' : 'usage_event_id'] ?? '');
}
