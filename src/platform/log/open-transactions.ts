import { BrokerError } from './kafka-errors.ts';
import { READ_COMMITTED, READ_UNCOMMITTED } from './kafka-internals.ts';
import type { Broker, Cluster, TopicMetadata } from './kafka-internals.ts';
import type { OpenTransaction } from './log.ts';
import {
  DESCRIBE_PRODUCERS,
  describeProducers,
  listTransactions,
} from './transaction-exchanges.ts';

/** A producer with records that have no end marker yet. */
export interface OpenProducer {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: bigint;
  readonly startOffset: number;
  /** When it wrote last, broker's clock. */
  readonly lastMs: number;
  /** Where committed records can be read up to, and where the partition ends. */
  readonly stable: number;
  readonly end: number;
}

export interface AskedTopics {
  readonly wanted: (topic: TopicMetadata) => boolean;
  /** Every partition of them must have a leader that can be asked. */
  readonly mustBeLed: boolean;
}

/**
 * Partitions of some topics whose end a reader of committed records cannot see, and why.
 * @throws BrokerError LEADER_NOT_AVAILABLE when one has no leader and must have one.
 */
export async function findOpenProducers(
  cluster: Cluster,
  { wanted, mustBeLed }: AskedTopics,
): Promise<OpenProducer[]> {
  const { topicMetadata } = await cluster.metadata({ topics: [] });
  const led = topicMetadata
    .filter(wanted)
    .flatMap(({ topic, partitionMetadata }) =>
      partitionMetadata.map(({ partitionId, leader }) => ({ topic, partitionId, leader })),
    );
  if (mustBeLed && led.some(({ leader }) => leader < 0))
    throw new BrokerError('LEADER_NOT_AVAILABLE');
  const found: OpenProducer[] = [];
  for (const [nodeId, ofNode] of Map.groupBy(led, ({ leader }) => leader)) {
    if (nodeId < 0) continue;
    const broker = await cluster.findBroker({ nodeId });
    if (!(DESCRIBE_PRODUCERS in broker.versions)) continue;
    const topics = new Map<string, number[]>();
    for (const { topic, partitionId } of ofNode) {
      topics.set(topic, [...(topics.get(topic) ?? []), partitionId]);
    }
    const ends = await openEnds(broker, topics);
    if (ends.size === 0) continue;
    const unstable = new Map<string, number[]>();
    for (const { topic, partition } of ends.values())
      unstable.set(topic, [...(unstable.get(topic) ?? []), partition]);
    for (const one of await describeProducers(broker, unstable)) {
      const end = ends.get(nameOf(one));
      if (end) found.push({ ...one, stable: end.stable, end: end.end });
    }
  }
  return found;
}

/** The same for one topic, with the transactional ids where the brokers tell them. */
export async function openTransactions(
  cluster: Cluster,
  topic: string,
): Promise<OpenTransaction[]> {
  const producers = await findOpenProducers(cluster, {
    wanted: (one) => one.topic === topic,
    mustBeLed: false,
  });
  if (producers.length === 0) return [];
  const ids = new Map<bigint, string>();
  for (const nodeId of cluster.getNodeIds()) {
    const broker = await cluster.findBroker({ nodeId });
    for (const one of await listTransactions(broker)) ids.set(one.producerId, one.transactionalId);
  }
  return producers.map(({ producerId, partition, startOffset, lastMs, stable, end }) => ({
    partition,
    transactionalId: ids.get(producerId) ?? null,
    producerId: String(producerId),
    startOffset,
    lastMs,
    held: end - stable,
  }));
}

interface OpenEnd {
  readonly topic: string;
  readonly partition: number;
  readonly stable: number;
  readonly end: number;
}

const nameOf = (one: { topic: string; partition: number }) => `${one.topic}/${one.partition}`;

/** Partitions of which a reader of committed records cannot read the end. */
async function openEnds(
  broker: Broker,
  topics: ReadonlyMap<string, readonly number[]>,
): Promise<Map<string, OpenEnd>> {
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
      partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })),
    );
  };
  // First what is stable: it only grows, so that nothing open is overlooked.
  const stable = new Map((await ends(READ_COMMITTED)).map((one) => [nameOf(one), one.offset]));
  const open = new Map<string, OpenEnd>();
  for (const { topic, partition, offset } of await ends(READ_UNCOMMITTED)) {
    const name = nameOf({ topic, partition });
    const upTo = stable.get(name) ?? offset;
    if (upTo !== offset) open.set(name, { topic, partition, stable: upTo, end: offset });
  }
  return open;
}
