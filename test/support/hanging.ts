import { createKafkaClient } from '../../src/platform/log/kafka-client.ts';
import { lastTransaction } from '../../src/platform/log/hanging-transaction.ts';
import type { LastTransaction } from '../../src/platform/log/hanging-transaction.ts';
import { TRANSACTION_COORDINATOR } from '../../src/platform/log/kafka-internals.ts';
import type { Broker, Cluster, Producer } from '../../src/platform/log/kafka-internals.ts';
import { produceExchange } from '../../src/platform/log/produce-exchange.ts';
import { createLogger } from '../../src/platform/logger.ts';

const transactionTimeout = 60_000;

/**
 * Leaves a transaction that has its end, but no marker in partition 0 of `topic`, where 'hung' was written.
 *
 * @param known A partition that the coordinator is told of, so that there is a transaction.
 */
export async function leaveHanging(
  brokers: readonly string[],
  { topic, transactionalId, commit }: Hanging,
  known = { topic, partition: 1 },
): Promise<void> {
  const producer = await onCoordinator(brokers, transactionalId, async (coordinator) => {
    const id = await coordinator.initProducerId({ transactionalId, transactionTimeout });
    const opened = { transactionalId, ...id };
    const topics = [{ topic: known.topic, partitions: [known.partition] }];
    await coordinator.addPartitionsToTxn({ ...opened, topics });
    return opened;
  });
  await writeWithoutMarker(brokers, topic, producer);
  await onCoordinator(brokers, transactionalId, (coordinator) =>
    coordinator.endTxn({ ...producer, transactionResult: commit }),
  );
}

export interface Hanging {
  readonly topic: string;
  readonly transactionalId: string;
  readonly commit: boolean;
}

/** A record of a producer, 'hung', in a partition 0 that its coordinator knows nothing of. */
export async function writeWithoutMarker(
  brokers: readonly string[],
  topic: string,
  producer: Producer,
): Promise<void> {
  const record = { topic, partition: 0, key: null, value: 'hung' };
  const slice = { topic, partition: 0, records: [record], bytes: 100, firstSequence: 0 };
  const owner = { ...producer, producerId: BigInt(producer.producerId) };
  await inCluster(brokers, async (cluster) => {
    await cluster.addMultipleTargetTopics([topic]);
    const leader = cluster.findTopicPartitionMetadata(topic).find((one) => one.partitionId === 0);
    const broker = await cluster.findBroker({ nodeId: leader?.leader ?? -1 });
    await broker.connectionPool.send(produceExchange({ ...owner, slices: [slice], nowMs: 1 }));
  });
}

/** Takes a transactional id over and writes nothing, as a process that dies then. */
export async function takeOver(brokers: readonly string[], transactionalId: string): Promise<void> {
  await onCoordinator(brokers, transactionalId, (coordinator) =>
    coordinator.initProducerId({ transactionalId, transactionTimeout }),
  );
}

/** What the coordinator knows of a transactional id. */
export const transactionOf = (
  brokers: readonly string[],
  transactionalId: string,
): Promise<LastTransaction | undefined> =>
  onCoordinator(brokers, transactionalId, (broker) => lastTransaction(broker, transactionalId));

const onCoordinator = <T>(
  brokers: readonly string[],
  groupId: string,
  work: (coordinator: Broker) => Promise<T>,
): Promise<T> =>
  inCluster(brokers, async (cluster) =>
    work(await cluster.findGroupCoordinator({ groupId, coordinatorType: TRANSACTION_COORDINATOR })),
  );

async function inCluster<T>(
  brokers: readonly string[],
  work: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const logger = createLogger({ level: 'silent' });
  const client = createKafkaClient({ brokers, clientId: 'hang', logger });
  const cluster = client.cluster();
  try {
    await cluster.connect();
    await cluster.refreshMetadata();
    return await work(cluster);
  } finally {
    client.close();
    await cluster.disconnect();
  }
}
