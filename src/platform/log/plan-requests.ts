import { recordSize } from './encode-batch.ts';
import type { OutRecord } from './log.ts';
import type { Slice } from './produce-exchange.ts';

/** A batch may have 1 MiB by the default of brokers and topics; larger ones come of one large record only. */
const BATCH_BYTES = 900_000;
/** One request at a time is on the way: large enough to be few, small enough for a quick answer. */
const REQUEST_BYTES = 4_000_000;

/**
 * Cuts records into requests. A request holds at most one slice of a partition, and the slices of a
 * partition are in the order of its records.
 *
 * @param partitionOf The partition of a record whose partition is null, or a check of the one it has.
 * @param limits Bytes of a batch, for topics that take less than the usual.
 */
export function planRequests(
  records: readonly OutRecord[],
  partitionOf: (record: OutRecord) => number,
  limits: ReadonlyMap<string, number> = new Map(),
): Slice[][] {
  const slices = cutSlices(records, partitionOf, limits);
  const requests: Slice[][] = [];
  for (let round = 0; ; round++) {
    const due = slices.flatMap((list) => list[round] ?? []);
    if (due.length === 0) return requests;
    let bytes = Infinity;
    for (const slice of due) {
      if (bytes + slice.bytes > REQUEST_BYTES) {
        requests.push([]);
        bytes = 0;
      }
      requests.at(-1)?.push(slice);
      bytes += slice.bytes;
    }
  }
}

/** The slices of each partition, in order. */
function cutSlices(
  records: readonly OutRecord[],
  partitionOf: (record: OutRecord) => number,
  limits: ReadonlyMap<string, number>,
): Slice[][] {
  const topics = new Map<string, Slice[][]>();
  for (const record of records) {
    const { topic } = record;
    const partition = partitionOf(record);
    let partitions = topics.get(topic);
    if (!partitions) topics.set(topic, (partitions = []));
    const list = (partitions[partition] ??= []);
    const size = recordSize(record);
    let slice = list.at(-1);
    if (!slice || slice.bytes + size > Math.min(BATCH_BYTES, limits.get(topic) ?? BATCH_BYTES)) {
      slice = { topic, partition, records: [], bytes: 0 };
      list.push(slice);
    }
    slice.records.push(record);
    slice.bytes += size;
  }
  // flat() also leaves out the holes of partitions with nothing.
  return [...topics.values()].flat();
}
