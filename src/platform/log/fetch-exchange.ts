import { ByteReader, ByteWriter } from './bytes.ts';
import type { AbortedTransaction } from './decode-batches.ts';
import { brokerError } from './kafka-errors.ts';
import { READ_COMMITTED } from './kafka-internals.ts';
import type { Exchange } from './kafka-internals.ts';

/** A partition and the offset to read it from. */
export interface FetchWant {
  readonly partition: number;
  readonly from: number;
}

export interface FetchRequest {
  readonly topic: string;
  readonly wants: readonly FetchWant[];
  /** How long the broker may wait for the first record. */
  readonly maxWaitMs: number;
  readonly maxBytesEach: number;
  readonly maxBytes: number;
}

/** What a broker sent of one partition. */
export interface Fetched {
  readonly partition: number;
  /** Next offset of the partition, open transactions included. */
  readonly endOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly bytes: Buffer;
}

/**
 * Fetch, version 11, without a fetch session.
 *
 * @see Apache Kafka protocol guide, "Fetch API (Key: 1)".
 * @throws BrokerError when any partition has an error.
 */
export function fetchExchange(fetch: FetchRequest): Exchange {
  return {
    request: {
      apiKey: 1,
      apiVersion: 11,
      apiName: 'Fetch',
      encode: async () => {
        const buf = encode(fetch);
        return { buf, buffer: buf };
      },
    },
    response: {
      decode: async (payload) => decode(new ByteReader(payload)),
      parse: async (decoded) => decoded,
    },
  };
}

function encode({ topic, wants, maxWaitMs, maxBytesEach, maxBytes }: FetchRequest): Buffer {
  const out = new ByteWriter(128 + wants.length * 32);
  const minBytes = 1;
  out.int32(-1).int32(maxWaitMs).int32(minBytes).int32(maxBytes).int8(READ_COMMITTED);
  const [sessionId, sessionEpoch] = [0, -1];
  out.int32(sessionId).int32(sessionEpoch);
  out.int32(1).string(topic).int32(wants.length);
  for (const { partition, from } of wants) {
    const [anyLeaderEpoch, logStart] = [-1, -1];
    out.int32(partition).int32(anyLeaderEpoch).int64(from).int64(logStart).int32(maxBytesEach);
  }
  const forgotten = 0;
  const rack = '';
  return out.int32(forgotten).string(rack).bytes();
}

function decode(reader: ByteReader): Fetched[] {
  reader.int32(); // throttle: the broker has waited already
  const errorCode = reader.int16();
  if (errorCode !== 0) throw brokerError(errorCode);
  reader.int32(); // session
  return reader
    .array((topic) => {
      topic.string();
      return topic.array(decodePartition);
    })
    .flat();
}

function decodePartition(reader: ByteReader): Fetched {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const endOffset = reader.int64();
  reader.int64(); // last stable offset: what is sent ends there
  reader.int64(); // log start
  const aborted = reader.array((one) => ({
    producerId: one.bigint64(),
    firstOffset: one.int64(),
  }));
  reader.int32(); // preferred replica: we read from leaders
  const bytes = reader.bytes(reader.int32());
  if (errorCode !== 0) throw brokerError(errorCode);
  return { partition, endOffset, aborted, bytes };
}
