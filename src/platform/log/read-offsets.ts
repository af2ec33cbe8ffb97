import { BrokerError } from './kafka-errors.ts';
import { READ_UNCOMMITTED } from './kafka-internals.ts';
import type { Cluster } from './kafka-internals.ts';
import type { PartitionOffsets } from './log.ts';

/** What the protocol calls these places in a partition. */
const EARLIEST = -2;
const LATEST = -1;

/**
 * First and next offset of each partition of a topic that is there. What was committed before is
 * below `next` even if its markers are not written yet; so is what a transaction still holds open.
 *
 * Asked for by itself each time: the list of topics that kafkajs keeps for a connection is answered
 * as a whole, so that one that was deleted would make the others look so.
 */
export async function readOffsets(
  cluster: Cluster,
  topic: string,
): Promise<readonly PartitionOffsets[]> {
  const { topicMetadata } = await cluster.metadata({ topics: [topic] });
  const partitions = topicMetadata.flatMap((one) =>
    one.topic === topic ? one.partitionMetadata : [],
  );
  // They are numbered from 0: with a gap the broker does not know them all.
  const numbers = new Set(partitions.map(({ partitionId }) => partitionId));
  if (partitions.length === 0 || partitions.some((_, number) => !numbers.has(number)))
    throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION');
  const found = await Promise.all(
    [...Map.groupBy(partitions, ({ leader }) => leader)].map(async ([nodeId, led]) => {
      const broker = await cluster.findBroker({ nodeId });
      const ask = async (timestamp: number) => {
        const wanted = led.map(({ partitionId }) => ({ partition: partitionId, timestamp }));
        const { responses } = await broker.listOffsets({
          isolationLevel: READ_UNCOMMITTED,
          topics: [{ topic, partitions: wanted }],
        });
        return new Map(
          responses.flatMap((one) => one.partitions).map((one) => [one.partition, one.offset]),
        );
      };
      // First the beginning: it only grows, so that it cannot come out above the end.
      const earliest = await ask(EARLIEST);
      const next = await ask(LATEST);
      return led.map(({ partitionId: partition }) => ({
        partition,
        earliest: offsetOf(earliest, partition),
        next: offsetOf(next, partition),
      }));
    }),
  );
  return found.flat().toSorted((a, b) => a.partition - b.partition);
}

function offsetOf(offsets: ReadonlyMap<number, string>, partition: number): number {
  const offset = Number(offsets.get(partition));
  if (!Number.isSafeInteger(offset)) throw new Error(`no offset of partition ${partition}`);
  return offset;
}
