import type { AccountId } from '../../contracts/ids.ts';
import { AppError } from '../../platform/errors.ts';
import type { EventLog } from '../../platform/log/log.ts';
import { readKnownPlacements } from '../../tail/own-placements.ts';
import { routedPartition } from '../../tail/placement.ts';

/**
 * The partition of the feed that an account lives on; null when it has none yet and nothing to take over.
 * @throws TAKEOVER_REFUSED when it has something, and its place cannot be told
 */
export type PlaceOf = (account: AccountId, isEmpty: boolean) => number | null;

/** As the placement topic says; an account that was never seen is where the tail would put it. */
export async function placeAccounts(
  log: EventLog,
  prefix: string,
  feedPartitions: number,
  signal: AbortSignal,
): Promise<PlaceOf> {
  const { partitions, byZone } = await readKnownPlacements(log, prefix, feedPartitions, signal);
  return (account, isEmpty) => {
    const known = partitions.get(account);
    if (known !== undefined) return known;
    if (!byZone) return routedPartition(account, feedPartitions);
    if (isEmpty) return null;
    throw new AppError('TAKEOVER_REFUSED', {
      problems: [
        `account ${account} has no place in the feed yet: accounts are placed by zone, so let the tail run until it has seen it`,
      ],
    });
  };
}
