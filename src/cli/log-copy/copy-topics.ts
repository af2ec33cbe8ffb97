import { catalogue, changeEvents } from '../../../streams/index.ts';
import type { Stream } from '../../contracts/stream.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { AppError } from '../../platform/errors.ts';
import type { EventLog, LogRecord, LogWriter } from '../../platform/log/log.ts';
import { sendTogether } from '../../platform/log/send-together.ts';
import { capturedTables } from '../../tail/captured-tables.ts';

/** A commit after so many bytes. */
const commitBytes = 4 * 1024 * 1024;

export interface CopyOptions {
  readonly from: EventLog;
  readonly to: EventLog;
  readonly prefix: string;
  readonly cloudSchema: string;
  readonly signal: AbortSignal;
  /** Whether compacted topics too: not once something may have written to them in the copy. */
  readonly withCompacted: boolean;
  /** Records copied, and how many there are, whenever some were. */
  readonly onProgress: (copied: number, total: number) => void;
}

export interface CopiedTopic {
  readonly topic: string;
  readonly records: number;
  /** Records that an earlier copy had brought. */
  readonly before: number;
}

/** The topics of a prefix that a log has, in flow order. */
export async function topicsOf(log: EventLog, prefix: string, cloudSchema: string) {
  const streams: readonly Stream[] = [
    ...capturedTables.map(({ name }) => changeEvents(cloudSchema, name)),
    ...catalogue,
  ];
  const facts = await log.describeTopics(streams.map((stream) => stream.topic(prefix)));
  const there = new Map(facts.map((one) => [one.topic, one]));
  return streams.filter((stream) => there.has(stream.topic(prefix)));
}

/**
 * Copies what is committed of every topic of a prefix, partition by partition, in order. One that was
 * cut short goes on where it was: what the target holds of a topic that is only appended to is counted, and
 * passed over; of a compacted topic the newest of each key is written again, which changes nothing.
 *
 * @throws LOG_TOPIC_MISMATCH when a topic of the target was made otherwise, or holds more than the source.
 */
export async function copyTopics(options: CopyOptions): Promise<CopiedTopic[]> {
  const { from, to, prefix, cloudSchema, withCompacted } = options;
  const all = await topicsOf(from, prefix, cloudSchema);
  const streams = all.filter(({ cleanup }) => withCompacted || cleanup === 'delete');
  const feedPartitions = await feedPartitionsOf(from, prefix, all);
  await to.ensureTopics(prefix, streams, feedPartitions);
  crashPoint('log-copy.topics-made');
  let total = 0;
  for (const stream of streams)
    for (const { next } of await from.offsets(stream.topic(prefix))) total += next;
  // All of them first: what is no copy of the source must not be written to at all.
  const skips = await countCopied(options, streams);
  let done = 0;
  await using writer = await to.writer({ transactionalId: `${prefix}-copy`, topicPrefix: prefix });
  const copied: CopiedTopic[] = [];
  for (const stream of streams) {
    const topic = stream.topic(prefix);
    let [records, before] = [0, 0];
    for (const { partition, next } of await from.offsets(topic)) {
      const skip = skips.get(`${topic}/${partition}`) ?? 0;
      const part = { topic, partition, until: next, skip };
      const added = await copyPartition(options, writer, part, (offset) =>
        options.onProgress(done + offset, total),
      );
      records += added;
      before += skip;
      done += next;
      options.onProgress(done, total);
    }
    copied.push({ topic, records, before });
  }
  return copied;
}

/**
 * Records of each partition that the copy has; of topics that are only appended to.
 * @throws LOG_TOPIC_MISMATCH when they are more than the source has
 */
export async function countCopied(
  { from, to, prefix }: Pick<CopyOptions, 'from' | 'to' | 'prefix'>,
  streams: readonly Stream[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const stream of streams.filter(({ cleanup }) => cleanup === 'delete')) {
    const topic = stream.topic(prefix);
    for (const { partition } of await from.offsets(topic)) {
      const target = await countRecords(to, topic, partition);
      const source = target === 0 ? 0 : await countRecords(from, topic, partition);
      if (target > source)
        throw new AppError('LOG_TOPIC_MISMATCH', {
          ...{ topic, partition, source, target },
          reason: 'the target holds more records than the source: it is not a copy of it',
        });
      counts.set(`${topic}/${partition}`, target);
    }
  }
  return counts;
}

/** @throws LOG_TOPIC_MISMATCH when the log has no feed of the prefix */
export async function feedPartitionsOf(log: EventLog, prefix: string, streams: readonly Stream[]) {
  const feed = streams.find(
    ({ partitions, name }) => partitions === 'feed' && name === 'usage-feed',
  );
  const [facts] = feed ? await log.describeTopics([feed.topic(prefix)]) : [];
  if (!facts)
    throw new AppError('LOG_TOPIC_MISMATCH', { prefix, reason: 'there is no feed of this prefix' });
  return facts.partitions;
}

interface Part {
  readonly topic: string;
  readonly partition: number;
  readonly until: number;
  /** Records at the start that the target has already. */
  readonly skip: number;
}

async function copyPartition(
  { from, signal }: CopyOptions,
  writer: LogWriter,
  { topic, partition, until, skip }: Part,
  onOffset: (offset: number) => void,
): Promise<number> {
  let passed = 0;
  let copied = 0;
  let held: LogRecord[] = [];
  let bytes = 0;
  const flush = async () => {
    if (held.length === 0) return;
    await sendTogether(
      writer,
      held.map(({ key, value, headers }) => ({ topic, partition, key, value, headers })),
    );
    crashPoint('log-copy.part-copied');
    copied += held.length;
    [held, bytes] = [[], 0];
  };
  for await (const batch of from.read({ topic, partition, from: 0, until, signal })) {
    for (const record of batch.records) {
      if (passed++ < skip) continue;
      held.push(record);
      bytes += (record.value?.length ?? 0) + (record.key?.length ?? 0) + 40;
    }
    if (bytes >= commitBytes) await flush();
    onOffset(batch.nextOffset);
  }
  signal.throwIfAborted();
  await flush();
  return copied;
}

async function countRecords(log: EventLog, topic: string, partition: number): Promise<number> {
  let count = 0;
  for await (const { records } of committed(log, topic, partition)) count += records.length;
  return count;
}

/** What is committed in a partition by now, below an offset. */
export async function* committed(
  log: EventLog,
  topic: string,
  partition: number,
  belowOffset = Infinity,
) {
  const range = (await log.offsets(topic)).find((one) => one.partition === partition);
  const until = Math.min(range?.next ?? 0, belowOffset);
  if (!range || until <= range.earliest) return;
  const { signal } = new AbortController();
  yield* log.read({ topic, partition, from: range.earliest, until, signal });
}
