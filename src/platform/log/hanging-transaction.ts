import { AppError } from '../errors.ts';
import type { Broker, Cluster } from './kafka-internals.ts';
import { findOpenProducers } from './open-transactions.ts';
import { DESCRIBE_TRANSACTIONS, describeTransaction } from './transaction-exchanges.ts';

/*
 * A coordinator that starts while a partition has no leader (a cluster of one broker that was killed)
 * takes the partition for deleted, skips the marker that ends the transaction there, and calls the
 * transaction complete. What was acknowledged stays hidden, and the next marker of the same
 * producer decides about it: a commit shows what was aborted, an abort drops what was committed.
 * So whoever takes over a transactional id first writes the markers that are missing.
 */

/** How the last transaction of a transactional id ended. */
export interface LastTransaction {
  /** undefined: the coordinator does not know it any more. */
  readonly committed: boolean | undefined;
  readonly producerId: bigint;
  /** That the id had when this was known. */
  readonly epoch: number;
}

/** Asked before the id is taken over, which forgets it. */
export async function lastTransaction(
  coordinator: Broker,
  transactionalId: string,
): Promise<LastTransaction | undefined> {
  if (!(DESCRIBE_TRANSACTIONS in coordinator.versions)) return undefined;
  const found = await describeTransaction(coordinator, transactionalId);
  return found && { ...found, committed: outcomeOf(found.state) };
}

function outcomeOf(state: string): boolean | undefined {
  if (state === 'CompleteCommit' || state === 'PrepareCommit') return true;
  // Taking over aborts an open one.
  const aborted = ['CompleteAbort', 'PrepareAbort', 'PrepareEpochFence', 'Ongoing'].includes(state);
  return aborted ? false : undefined;
}

/**
 * What is known of the last transaction, by what the coordinator has now and by what was kept when an attempt
 * of ours to take the id over failed half way. Each attempt of anybody takes at least one epoch: at one more
 * than we saw last, nobody but us, or somebody who wrote nothing, can have taken it. At two, there may have
 * been a transaction that the second of them made the coordinator forget.
 */
export function stillKnown(
  seen: LastTransaction | undefined,
  kept: LastTransaction | undefined,
): LastTransaction | undefined {
  if (!seen || seen.committed !== undefined || !kept) return seen;
  const isNext = kept.producerId === seen.producerId && seen.epoch <= kept.epoch + 1;
  return isNext ? { ...seen, committed: kept.committed } : seen;
}

/**
 * Partitions where a producer, which has no transaction open, has records without a marker.
 *
 * @param topicPrefix Of the topics that it writes; undefined: not known.
 * @throws BrokerError LEADER_NOT_AVAILABLE while one of those has a partition that nobody can be asked about.
 */
export async function findHanging(
  cluster: Cluster,
  producerId: bigint | undefined,
  topicPrefix: string | undefined,
): Promise<{ topic: string; partitions: number[] }[]> {
  const open = await findOpenProducers(cluster, {
    wanted: ({ topic, isInternal }) =>
      topicPrefix === undefined ? !isInternal : topic.startsWith(`${topicPrefix}.`),
    // Topics of others may be dead for long.
    mustBeLed: topicPrefix !== undefined,
  });
  const ours = open.filter((one) => one.producerId === producerId);
  return [...Map.groupBy(ours, ({ topic }) => topic)].map(([topic, list]) => ({
    topic,
    partitions: [...new Set(list.map(({ partition }) => partition))],
  }));
}

/** @throws LOG_WRITE_FAILED when it cannot be known how the transaction is to end. */
export function requireOutcome(
  last: LastTransaction | undefined,
  facts: Record<string, unknown>,
): boolean {
  if (last?.committed !== undefined) return last.committed;
  const reason = 'a hanging transaction of unknown outcome: see kafka-transactions.sh find-hanging';
  throw new AppError('LOG_WRITE_FAILED', { ...facts, reason });
}
