import { u64 } from '../contracts/ids.ts';
import type { AccountId, EventId } from '../contracts/ids.ts';
import { AppError } from '../platform/errors.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { AdoptPartition } from './adopt-partition.ts';

const firstStep = 2048;

/**
 * Looks for usage events in a Debezium's topic, back from where it has been read, in growing steps:
 * details are committed soon after their event. Ids that are not there are not in the answer.
 *
 * @throws ADOPT_GAP when the topic is gone.
 */
export async function findEventAccounts(
  log: EventLog,
  partitions: readonly AdoptPartition[],
  ids: readonly EventId[],
  signal: AbortSignal,
): Promise<ReadonlyMap<EventId, AccountId>> {
  const wanted = new Set(ids);
  const found = new Map<EventId, AccountId>();
  const searched = new Map(partitions.map((each) => [each, each.next]));
  for (let step = firstStep; wanted.size > 0 && !signal.aborted; step *= 8) {
    let more = false;
    for (const [each, until] of searched) {
      const { topic, partition } = each;
      const earliest = (await log.offsets(topic)).find(
        (at) => at.partition === partition,
      )?.earliest;
      if (earliest === undefined)
        throw new AppError('ADOPT_GAP', { topic, partition, needed: until, reason: 'deleted' });
      const from = Math.max(earliest, until - step);
      if (from >= until) continue;
      more = true;
      searched.set(each, from);
      for await (const { records } of log.read({ topic, partition, from, until, signal }))
        for (const { value } of records) {
          if (value === null) continue;
          const change = each.changeAt(value);
          const row = change?.after ?? change?.before;
          const id = u64<EventId>(String(row?.['id'] ?? 0));
          if (wanted.delete(id)) found.set(id, u64<AccountId>(String(row?.['account_id'])));
        }
    }
    if (!more) return found;
  }
  return found;
}
