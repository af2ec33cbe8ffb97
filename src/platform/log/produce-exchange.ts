import { ByteReader, ByteWriter } from './bytes.ts';
import { encodeBatch } from './encode-batch.ts';
import { brokerError } from './kafka-errors.ts';
import type { Exchange } from './kafka-internals.ts';
import type { OutRecord } from './log.ts';

/** What is sent to one partition in one request. */
export interface Slice {
  readonly topic: string;
  readonly partition: number;
  readonly records: OutRecord[];
  /** Upper bound. */
  bytes: number;
}

export interface ProduceRequest {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly slices: readonly (Slice & { readonly firstSequence: number })[];
  readonly nowMs: number;
}

const ALL_REPLICAS = -1;
const TIMEOUT_MS = 30_000;

/**
 * Produce, version 7. The answer counts only if it names every partition sent.
 *
 * @see Apache Kafka protocol guide, "Produce API (Key: 0)".
 * @throws BrokerError when any partition has an error.
 */
export function produceExchange(request: ProduceRequest): Exchange {
  return {
    request: {
      apiKey: 0,
      apiVersion: 7,
      apiName: 'Produce',
      encode: async () => {
        const buf = encode(request);
        return { buf, buffer: buf };
      },
    },
    response: {
      decode: async (payload) => {
        const acknowledged = decode(new ByteReader(payload));
        if (acknowledged !== request.slices.length) {
          throw new Error(`${acknowledged} of ${request.slices.length} partitions acknowledged`);
        }
        return { acknowledged };
      },
      parse: async (decoded) => decoded,
    },
  };
}

function encode({ transactionalId, slices, nowMs, ...producer }: ProduceRequest): Buffer {
  const bytes = slices.reduce((sum, slice) => sum + slice.bytes + 128, 256);
  const out = new ByteWriter(bytes);
  out.string(transactionalId).int16(ALL_REPLICAS).int32(TIMEOUT_MS);
  const topics = Map.groupBy(slices, ({ topic }) => topic);
  out.int32(topics.size);
  for (const [topic, list] of topics) {
    out.string(topic).int32(list.length);
    for (const { partition, records, firstSequence } of list) {
      const lengthAt = out.int32(partition).length;
      out.int32(0);
      encodeBatch(out, records, { ...producer, firstSequence }, nowMs);
      out.patchInt32(lengthAt, out.length - lengthAt - 4);
    }
  }
  return out.bytes();
}

function decode(reader: ByteReader): number {
  const topics = reader.array((topic) => {
    topic.string();
    return topic.array((partition) => {
      partition.int32();
      const errorCode = partition.int16();
      // Base offset, append time, log start.
      partition.at += 24;
      if (errorCode !== 0) throw brokerError(errorCode);
    });
  });
  return topics.flat().length;
}
