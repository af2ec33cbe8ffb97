import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';
import type { Stream } from '../../contracts/stream.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { TopicFacts } from './log.ts';
import { retentionProblem, topicProblems } from './topic-problems.ts';

const CREATE_MS = 15_000;
const BROKER_DEFAULT = -1;
/** The head of a batch has 61 bytes; lengths and deltas of one record few more than are counted for it. */
const BATCH_FRAME_BYTES = 128;
/** kafkajs' ConfigResourceTypes.TOPIC, which an ES module cannot import. */
const TOPIC_RESOURCE = 2;

/**
 * Creates the topics of streams that are missing and compares the others.
 *
 * @throws LOG_TOPIC_MISMATCH for another partition count or cleanup policy.
 */
export async function ensureKafkaTopics(
  admin: Admin,
  logger: Logger,
  prefix: string,
  streams: readonly Stream[],
  feedPartitions: number,
): Promise<void> {
  const wanted = new Map(streams.map((stream) => [stream.topic(prefix), stream]));
  const partitionsOf = ({ partitions }: Stream) =>
    partitions === 'feed' ? feedPartitions : partitions;
  const there = new Set(await admin.listTopics());
  const missing = [...wanted].filter(([topic]) => !there.has(topic));
  if (missing.length > 0) {
    const topics = missing.map(([topic, stream]) =>
      settingsOf(topic, stream, partitionsOf(stream)),
    );
    // False when another process was faster: what it made is compared below.
    await admin.createTopics({ topics, waitForLeaders: true, timeout: CREATE_MS });
    logger.info({ topics: topics.map(({ topic }) => topic) }, 'topics created');
  }
  for (const facts of await describeOnceKnown(admin, [...wanted.keys()])) {
    const stream = wanted.get(facts.topic)!;
    const [problem] = topicProblems(stream, facts, feedPartitions);
    if (problem !== undefined) throw new AppError('LOG_TOPIC_MISMATCH', { ...facts, problem });
    if (retentionProblem(stream, facts) !== null)
      logger.warn(
        { ...facts, expected: stream.retentionMs },
        'topic has another retention than its stream',
      );
  }
}

/** A broker may not know yet what was made a moment ago: who joined now would be told that it is missing. */
async function describeOnceKnown(admin: Admin, topics: readonly string[]): Promise<TopicFacts[]> {
  const endMs = performance.now() + CREATE_MS;
  for (;;) {
    const found = await describeKafkaTopics(admin, topics);
    if (found.length === topics.length && found.every(({ partitions }) => partitions > 0))
      return found;
    if (performance.now() > endMs)
      throw new AppError('LOG_UNREACHABLE', {
        topics,
        reason: 'topics that were made do not appear',
      });
    await sleep(100);
  }
}

/** Facts of those of the topics that exist. */
export async function describeKafkaTopics(
  admin: Admin,
  topics: readonly string[],
): Promise<TopicFacts[]> {
  const there = new Set(await admin.listTopics());
  const asked = topics.filter((topic) => there.has(topic));
  if (asked.length === 0) return [];
  const counts = await partitionCounts(admin, asked);
  const configs = await configsOf(admin, asked);
  return asked.map((topic) => {
    const retention = Number(configs.get(topic)?.get('retention.ms') ?? -1);
    return {
      topic,
      partitions: counts.get(topic) ?? 0,
      cleanup: configs.get(topic)?.get('cleanup.policy') ?? 'delete',
      retentionMs: retention < 0 ? 'forever' : retention,
    };
  });
}

function settingsOf(topic: string, stream: Stream, numPartitions: number): ITopicConfig {
  return {
    topic,
    numPartitions,
    replicationFactor: BROKER_DEFAULT,
    configEntries: [
      { name: 'cleanup.policy', value: stream.cleanup },
      { name: 'retention.ms', value: retentionOf(stream) },
    ],
  };
}

const retentionOf = ({ retentionMs }: Stream): string =>
  retentionMs === 'forever' ? '-1' : String(retentionMs);

async function partitionCounts(admin: Admin, topics: string[]): Promise<Map<string, number>> {
  const metadata = await admin.fetchTopicMetadata({ topics });
  return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]));
}

async function configsOf(
  admin: Admin,
  topics: string[],
  configNames = ['cleanup.policy', 'retention.ms'],
): Promise<Map<string, Map<string, string>>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({
      type: TOPIC_RESOURCE,
      name,
      configNames,
    })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
}

/** What the brokers take of each topic in one batch, less what the batch itself needs. */
export async function readRecordLimits(
  admin: Admin,
  topics: readonly string[],
): Promise<Map<string, number>> {
  const there = new Set(await admin.listTopics());
  const present = topics.filter((topic) => there.has(topic));
  const configs = await configsOf(admin, present, ['max.message.bytes']);
  return new Map(
    [...configs].flatMap(([topic, config]): [string, number][] => {
      const bytes = Number(config.get('max.message.bytes'));
      return Number.isSafeInteger(bytes) ? [[topic, bytes - BATCH_FRAME_BYTES]] : [];
    }),
  );
}

/** Deletes those of the topics that exist; they are gone for everybody when it returns. */
export async function deleteKafkaTopics(admin: Admin, topics: readonly string[]): Promise<void> {
  const wanted = new Set(topics);
  const there = (await admin.listTopics()).filter((topic) => wanted.has(topic));
  if (there.length === 0) return;
  await admin.deleteTopics({ topics: there, timeout: CREATE_MS });
  // The controller has done it; the brokers that are asked next hear of it a little later.
  const endMs = performance.now() + CREATE_MS;
  while (performance.now() < endMs) {
    if (!(await admin.listTopics()).some((topic) => wanted.has(topic))) return;
    await sleep(50);
  }
}
