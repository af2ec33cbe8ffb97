import { ByteReader, ByteWriter } from './bytes.ts';
import { brokerError } from './kafka-errors.ts';
import type { Broker } from './kafka-internals.ts';

/** They came with Kafka 3.0. */
export const DESCRIBE_PRODUCERS = 61;
export const DESCRIBE_TRANSACTIONS = 65;
const LIST_TRANSACTIONS = 66;

const NO_SUCH_ID = 105;
/** A topic that we may not read is one of others. */
const NOT_ALLOWED = 29;

/** What the coordinator has of a transactional id. */
export interface TransactionState {
  /** `Empty`, `Ongoing`, `PrepareCommit`, `CompleteAbort`, … */
  readonly state: string;
  readonly producerId: bigint;
  /** Grows by one, or two, each time that the id is taken over. */
  readonly epoch: number;
}

/**
 * What the coordinator has of a transactional id; undefined when it does not know the id.
 *
 * @see Apache Kafka protocol guide, "DescribeTransactions API (Key: 65)"; version 0.
 */
export async function describeTransaction(
  coordinator: Broker,
  transactionalId: string,
): Promise<TransactionState | undefined> {
  const body = new ByteWriter();
  compactString(body.uvarint(1 + 1), transactionalId);
  const reader = await ask(coordinator, DESCRIBE_TRANSACTIONS, 'DescribeTransactions', body);
  const [found] = compactArray(reader, () => {
    const errorCode = reader.int16();
    readCompactString(reader);
    const state = readCompactString(reader);
    reader.at += 4 + 8; // timeout, start
    const producerId = reader.bigint64();
    const epoch = reader.int16();
    compactArray(reader, () => {
      readCompactString(reader);
      compactArray(reader, () => reader.int32());
      skipTags(reader);
    });
    skipTags(reader);
    return { errorCode, state, producerId, epoch };
  });
  if (!found || found.errorCode === NO_SUCH_ID) return undefined;
  const { errorCode, ...known } = found;
  if (errorCode !== 0) throw brokerError(errorCode);
  return known;
}

/**
 * Of the partitions that `broker` leads, the producers that have a transaction there without an end.
 *
 * @see Apache Kafka protocol guide, "DescribeProducers API (Key: 61)"; version 0.
 */
export async function describeProducers(
  broker: Broker,
  topics: ReadonlyMap<string, readonly number[]>,
): Promise<
  { topic: string; partition: number; producerId: bigint; startOffset: number; lastMs: number }[]
> {
  const body = new ByteWriter().uvarint(topics.size + 1);
  for (const [topic, partitions] of topics) {
    compactString(body, topic).uvarint(partitions.length + 1);
    for (const partition of partitions) body.int32(partition);
    body.uvarint(0);
  }
  const reader = await ask(broker, DESCRIBE_PRODUCERS, 'DescribeProducers', body);
  const described = compactArray(reader, () => {
    const topic = readCompactString(reader);
    const partitions = compactArray(reader, () => {
      const partition = reader.int32();
      const errorCode = reader.int16();
      readCompactString(reader);
      const producers = compactArray(reader, () => {
        const producerId = reader.bigint64();
        reader.at += 4 + 4; // epoch, last sequence
        const lastMs = reader.int64();
        reader.at += 4; // coordinator epoch
        const startOffset = reader.int64();
        skipTags(reader);
        return { topic, partition, producerId, startOffset, lastMs };
      });
      skipTags(reader);
      if (errorCode === NOT_ALLOWED) return [];
      if (errorCode !== 0) throw brokerError(errorCode);
      return producers.filter(({ startOffset }) => startOffset >= 0);
    });
    skipTags(reader);
    return partitions.flat();
  });
  return described.flat();
}

/**
 * The transactional ids that `broker` coordinates and we may describe.
 *
 * @see Apache Kafka protocol guide, "ListTransactions API (Key: 66)"; version 0.
 */
export async function listTransactions(
  broker: Broker,
): Promise<{ transactionalId: string; producerId: bigint }[]> {
  if (!(LIST_TRANSACTIONS in broker.versions)) return [];
  const anyState = new ByteWriter().uvarint(1).uvarint(1);
  const reader = await ask(broker, LIST_TRANSACTIONS, 'ListTransactions', anyState);
  const errorCode = reader.int16();
  compactArray(reader, () => readCompactString(reader)); // states that it does not know
  const found = compactArray(reader, () => {
    const transactionalId = readCompactString(reader);
    const producerId = reader.bigint64();
    readCompactString(reader);
    skipTags(reader);
    return { transactionalId, producerId };
  });
  return errorCode === 0 ? found : [];
}

/** A request of the flexible kind: its header ends with tags, and so does that of the answer. */
async function ask(
  broker: Broker,
  apiKey: number,
  apiName: string,
  body: ByteWriter,
): Promise<ByteReader> {
  const buf = Buffer.concat([Buffer.of(0), body.uvarint(0).bytes()]);
  const answer = await broker.connectionPool.send({
    request: { apiKey, apiVersion: 0, apiName, encode: async () => ({ buf, buffer: buf }) },
    response: {
      decode: async (payload) => ({ payload }),
      parse: async (decoded) => decoded,
    },
  });
  // What `decode` has wrapped.
  const { payload } = answer as { payload: Buffer };
  const reader = new ByteReader(payload);
  skipTags(reader);
  reader.int32(); // throttle: the broker has waited already
  return reader;
}

const compactString = (out: ByteWriter, text: string): ByteWriter =>
  out.uvarint(Buffer.byteLength(text) + 1).raw(text);

/** Lengths are one more than they are, 0 is null. */
const readCompactString = (reader: ByteReader): string =>
  reader.bytes(reader.uvarint() - 1).toString();

const compactArray = <T>(reader: ByteReader, item: () => T): T[] =>
  Array.from({ length: Math.max(0, reader.uvarint() - 1) }, item);

function skipTags(reader: ByteReader): void {
  for (let left = reader.uvarint(); left > 0; left--) {
    reader.uvarint();
    reader.bytes(reader.uvarint());
  }
}
