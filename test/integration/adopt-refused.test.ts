import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { allTopics } from '../../src/cli/demo/pipeline.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { readSourceStatus } from '../../src/tail/source-state.ts';
import { changeEvents, deadLetters, usageFeed } from '../../streams/index.ts';
import { debeziumEvent } from '../support/debezium-event.ts';
import { debeziumTopics } from '../support/debezium-topics.ts';
import { adoptOptions, startAdopt } from '../support/running-adopt.ts';
import { randomSuffix, servers } from '../support/servers.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';

vi.setConfig({ testTimeout: 60_000 });

const cloudSchema = 'cloud';
const { signal } = new AbortController();
let log: EventLog;
let prefix: string;
let from: string;
let topic: string;

beforeEach(async () => {
  prefix = `a${randomSuffix()}`;
  from = `d${randomSuffix()}`;
  topic = `${from}.cloud.usage_event`;
  log = await openKafkaLog({
    brokers: servers().kafkaBrokers,
    clientId: prefix,
    logger: createLogger({ level: 'silent' }),
  });
});
afterEach(async () => {
  await log.deleteTopics([
    ...debeziumTopics(cloudSchema, from),
    ...allTopics({ prefix, cloudSchema }),
  ]);
  await log[Symbol.asyncDispose]();
});

const drain = () =>
  startAdopt(adoptOptions({ prefix, cloudSchema, from }, { drain: true, failFast: true }), log)
    .done;

test('reading goes on where it was, also after a topic has grown', async () => {
  await write([record(1), record(2)]);
  await drain();
  await write([record(3)]);
  await drain();
  expect(await eventIds()).toEqual(['1', '2', '3']);
  expect((await readSourceStatus(log, prefix, signal)).state).toMatchObject({
    state: 'adopting',
    server: `Debezium ${from}`,
  });
});

test('a row that makes no sense is a dead letter, and the others go on', async () => {
  await write([record(1), record(2, { account_id: null }), record(3)]);
  await drain();
  expect(await eventIds()).toEqual(['1', '3']);
  const letters = await valuesOf(deadLetters.topic(prefix));
  expect(letters.map((letter) => JSON.parse(letter) as object)).toEqual([
    expect.objectContaining({ reason: 'MISSING_VALUE', stage: 'tail' }),
  ]);
});

test('a record that is no envelope stops adoption, and what came before it is kept', async () => {
  await write([record(1), JSON.stringify({ id: 2 }), record(3)]);
  await expect(drain()).rejects.toMatchObject({
    code: 'ADOPT_UNREADABLE',
    facts: { topic, partition: 0, offset: 1 },
  });
  expect(await eventIds()).toEqual(['1']);
  const { state } = await readSourceStatus(log, prefix, signal);
  expect(state).toMatchObject({ state: 'stopped', code: 'ADOPT_UNREADABLE' });
});

test('records that retention has taken stop adoption', async () => {
  await write([record(1), record(2), record(3)]);
  await drop(2);
  await expect(drain()).rejects.toMatchObject({
    code: 'ADOPT_GAP',
    facts: { topic, partition: 0, needed: 0, earliest: 2 },
  });
});

test('a topic that was made anew stops adoption', async () => {
  await write([record(1), record(2), record(3)]);
  await drain();
  await log.deleteTopics([topic]);
  await vi.waitFor(async () => expect(await log.offsets(topic)).toEqual([]), 10_000);
  await write([record(4)]);
  await expect(drain()).rejects.toMatchObject({
    code: 'ADOPT_GAP',
    facts: { topic, partition: 0 },
  });
});

test('adoption without any topic of that name says so', async () => {
  await expect(drain()).rejects.toMatchObject({ code: 'ADOPT_NO_TOPICS' });
});

test('a feed keeps to its kind of source', async () => {
  await write([record(1)]);
  await drain();
  await using cloud = await tailedCloud();
  const options = { prefix, raw: false, failFast: true };
  await expect(cloud.start(options).done).rejects.toMatchObject({ code: 'TAIL_OTHER_SOURCE' });
  const tail = cloud.start();
  await tail.whenCaughtUp();
  await tail.stop();
  const other = adoptOptions({ prefix: cloud.prefix, cloudSchema, from }, { drain: true });
  await expect(startAdopt(other, log).done).rejects.toMatchObject({ code: 'TAIL_OTHER_SOURCE' });
});

const record = (id: number, more: object = {}): string => debeziumEvent(from, id, more);

async function write(values: readonly string[]): Promise<void> {
  await log.ensureTopics(from, [changeEvents(cloudSchema, 'usage_event')], 1);
  await using writer = await log.writer({ transactionalId: from });
  const transaction = await writer.begin();
  await transaction.append(values.map((value) => ({ topic, partition: 0, key: null, value })));
  await transaction.commit();
}

async function drop(offset: number): Promise<void> {
  const kafka = new Kafka({ brokers: servers().kafkaBrokers, logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  // It fails for a topic that the client has not looked at.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
  await admin.disconnect();
}

async function valuesOf(name: string): Promise<string[]> {
  const values: string[] = [];
  for (const { partition, earliest, next } of await log.offsets(name))
    for await (const { records } of log.read({
      topic: name,
      partition,
      from: earliest,
      until: next,
      signal,
    }))
      values.push(...records.map(({ value }) => String(value)));
  return values;
}

const eventIds = async (): Promise<string[]> =>
  (await valuesOf(usageFeed.topic(prefix))).flatMap(
    (value) => /"event":\{"id":"(\d+)"/.exec(value)?.[1] ?? [],
  );
