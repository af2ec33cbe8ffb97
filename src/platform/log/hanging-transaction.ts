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

export interface LastTransaction {
  /** undefined: the coordinator does not know it any more. */
  readonly committed: boolean | undefined;
}

/** How the last transaction of the id ended; asked before the id is taken over, which forgets it. */
export async function lastTransaction(
  coordinator: Broker,
  transactionalId: string,
): Promise<LastTransaction | undefined> {
  if (!(DESCRIBE_TRANSACTIONS in coordinator.versions)) return undefined;
  const found = await describeTransaction(coordinator, transactionalId);
  if (!found) return undefined;
  if (found === 'CompleteCommit' || found === 'PrepareCommit') return { committed: true };
  // Taking over aborts an open one.
  const aborted = ['CompleteAbort', 'PrepareAbort', 'PrepareEpochFence', 'Ongoing'].includes(found);
  return { committed: aborted ? false : undefined };
}

/**
 * Partitions where a producer, which has no transaction open, has records without a marker.
 *
 * @param topicPrefix Of the topics that it writes; undefined: not known.
 * @throws BrokerError LEADER_NOT_AVAILABLE while one of those has a partition that nobody can be asked about.
 */
export async function findHanging(
  cluster: Cluster,
  producerId: bigint,
  topicPrefix: string | undefined,
): Promise<{ topic: string; partitions: number[] }[]> {
  const isOurs = (topic: string) =>
    topicPrefix !== undefined && topic.startsWith(`${topicPrefix}.`);
  const open = await findOpenProducers(cluster, {
    wanted: ({ isInternal }) => !isInternal,
    needed: isOurs,
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
