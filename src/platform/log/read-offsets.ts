import type { Cluster } from './kafka-internals.ts';
import type { PartitionOffsets } from './log.ts';

/**
 * First and next offset of each partition of a topic that is there. What was committed before is
 * below `next` even if its markers are not written yet; so is what a transaction still holds open.
 */
export async function readOffsets(
  cluster: Cluster,
  topic: string,
): Promise<readonly PartitionOffsets[]> {
  await cluster.addMultipleTargetTopics([topic]);
  await cluster.refreshMetadataIfNecessary();
  const partitions = cluster
    .findTopicPartitionMetadata(topic)
    .map(({ partitionId }) => ({ partition: partitionId }));
  if (partitions.length === 0) return [];
  // First the beginning: it only grows, so that it cannot come out above the end.
  const earliest = await ask(cluster, { topic, partitions, fromBeginning: true });
  const next = await ask(cluster, { topic, partitions, fromBeginning: false });
  return partitions
    .map(({ partition }) => ({
      partition,
      earliest: offsetOf(earliest, partition),
      next: offsetOf(next, partition),
    }))
    .toSorted((a, b) => a.partition - b.partition);
}

async function ask(
  cluster: Cluster,
  request: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean },
): Promise<Map<number, string>> {
  const [answer] = await cluster.fetchTopicsOffset([request]);
  return new Map(answer?.partitions.map(({ partition, offset }) => [partition, offset]));
}

function offsetOf(offsets: ReadonlyMap<number, string>, partition: number): number {
  const offset = Number(offsets.get(partition));
  if (!Number.isSafeInteger(offset)) throw new Error(`no offset of partition ${partition}`);
  return offset;
}
