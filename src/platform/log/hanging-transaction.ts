import { AppError } from '../errors.ts';
import { READ_COMMITTED, READ_UNCOMMITTED } from './kafka-internals.ts';
import type { Broker, Cluster } from './kafka-internals.ts';
import {
  DESCRIBE_PRODUCERS,
  DESCRIBE_TRANSACTIONS,
  describeProducers,
  describeTransaction,
} from './transaction-exchanges.ts';

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

/** Partitions where a producer, which has no transaction open, has records without a marker. */
export async function findHanging(
  cluster: Cluster,
  producerId: bigint,
): Promise<{ topic: string; partitions: number[] }[]> {
  const { topicMetadata } = await cluster.metadata({ topics: [] });
  const led = topicMetadata
    .filter(({ isInternal }) => !isInternal)
    .flatMap(({ topic, partitionMetadata }) =>
      partitionMetadata.map(({ partitionId, leader }) => ({ topic, partitionId, leader })),
    );
  const found: { topic: string; partitions: number[] }[] = [];
  for (const [nodeId, ofNode] of Map.groupBy(led, ({ leader }) => leader)) {
    if (nodeId < 0) continue;
    const broker = await cluster.findBroker({ nodeId });
    if (!(DESCRIBE_PRODUCERS in broker.versions)) continue;
    const topics = new Map<string, number[]>();
    for (const { topic, partitionId } of ofNode) {
      topics.set(topic, [...(topics.get(topic) ?? []), partitionId]);
    }
    const unstable = await withOpenEnd(broker, topics);
    if (unstable.size > 0) found.push(...(await describeProducers(broker, unstable, producerId)));
  }
  return found;
}

/** Partitions of which a reader of committed records cannot read the end. */
async function withOpenEnd(
  broker: Broker,
  topics: ReadonlyMap<string, readonly number[]>,
): Promise<Map<string, number[]>> {
  const ends = async (isolationLevel: number) => {
    const latest = -1;
    const { responses } = await broker.listOffsets({
      isolationLevel,
      topics: [...topics].map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map((partition) => ({ partition, timestamp: latest })),
      })),
    });
    return responses.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({ topic, partition, offset })),
    );
  };
  const nameOf = (one: { topic: string; partition: number }) => `${one.topic}/${one.partition}`;
  // First what is stable: it only grows, so that nothing open is overlooked.
  const stable = new Map((await ends(READ_COMMITTED)).map((one) => [nameOf(one), one.offset]));
  const unstable = new Map<string, number[]>();
  for (const one of await ends(READ_UNCOMMITTED)) {
    if (stable.get(nameOf(one)) === one.offset) continue;
    unstable.set(one.topic, [...(unstable.get(one.topic) ?? []), one.partition]);
  }
  return unstable;
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
