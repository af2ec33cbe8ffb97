import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { allTopics } from '../../src/cli/demo/pipeline.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { dataTopic } from '../../src/tail/adopt-options.ts';
import { capturedTables } from '../../src/tail/captured-tables.ts';
import { readPosition } from '../../src/tail/position.ts';
import { changeEvents, usageFeed } from '../../streams/index.ts';
import { debeziumAccount, debeziumEvent } from '../support/debezium-event.ts';
import { readValues } from '../support/read-log.ts';
import { adoptOptions, startAdopt } from '../support/running-adopt.ts';
import { randomSuffix, servers } from '../support/servers.ts';

vi.setConfig({ testTimeout: 60_000 });

const cloudSchema = 'cloud';
const { signal } = new AbortController();
const logger = createLogger({ level: 'silent' });
let log: EventLog;
let prefix: string;
let from: string;
/** As a transformation names them. */
let dataTopics: string;

const topicOf = (table: string) =>
  dataTopic(
    { ...adoptOptions({ prefix, cloudSchema, from }).topics, dataTopics },
    cloudSchema,
    table,
  );

beforeEach(async () => {
  prefix = `a${randomSuffix()}`;
  from = `d${randomSuffix()}`;
  dataTopics = '{prefix}.{db}.{table}';
  log = await openKafkaLog({ brokers: servers().kafkaBrokers, clientId: prefix, logger });
});
afterEach(async () => {
  const adopted = capturedTables.map(({ name }) => topicOf(name));
  await log.deleteTopics([...adopted, ...allTopics({ prefix, cloudSchema })]);
  await log[Symbol.asyncDispose]();
});

const drain = (over: EventLog = log) => {
  const { topics, ...options } = adoptOptions({ prefix, cloudSchema, from });
  const drained = { ...options, topics: { ...topics, dataTopics }, drain: true, failFast: true };
  return startAdopt(drained, over).done;
};

async function write(table: string, values: readonly string[]): Promise<void> {
  const topic = topicOf(table);
  await log.ensureTopics(from, [{ ...changeEvents(cloudSchema, table), topic: () => topic }], 1);
  await using writer = await log.writer({ transactionalId: from });
  const transaction = await writer.begin();
  await transaction.append(values.map((value) => ({ topic, partition: 0, key: null, value })));
  await transaction.commit();
}

const accounts = (...ids: number[]) =>
  write(
    'account',
    ids.map((id) => debeziumAccount(from, id)),
  );
const events = (...ids: number[]) =>
  write(
    'usage_event',
    ids.map((id) => debeziumEvent(from, id)),
  );

/** What the feed holds but for watermarks, in no order. */
async function fed(): Promise<string[]> {
  const topic = usageFeed.topic(prefix);
  const parts = await log.offsets(topic);
  const values = await Promise.all(parts.map(({ partition }) => readValues(log, topic, partition)));
  return values
    .flat()
    .map((value) => /"kind":"([a-z-]+)"/.exec(value)![1]!)
    .filter((kind) => kind !== 'watermark')
    .toSorted();
}

const position = async () => (await readPosition(log, prefix, prefix, signal))!;

/** The log of a broker that once does not know a topic. */
const forgetting = (topic: string): EventLog => {
  let isAsked = false;
  return new Proxy(log, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'offsets') return value.bind(target);
      return async (asked: string) => {
        if (asked !== topic || isAsked) return target.offsets(asked);
        isAsked = true;
        return [];
      };
    },
  });
};

test('a topic that was read and is gone stops adoption, also when others have more', async () => {
  await accounts(2, 3);
  await events(1);
  await drain();
  const [before, heldBefore] = [await position(), await fed()];
  await log.deleteTopics([topicOf('account')]);
  await events(2);
  const gone = {
    code: 'ADOPT_GAP',
    facts: { topic: topicOf('account'), partition: 0, reason: 'deleted' },
  };
  await expect(drain()).rejects.toMatchObject(gone);
  expect(await fed()).toEqual(heldBefore);
  expect((await position()).adopted).toEqual(before.adopted);
  // Made anew it is not read from its beginning.
  await accounts(2);
  await expect(drain()).rejects.toMatchObject({ code: 'ADOPT_GAP', facts: { earliest: 0 } });
  expect(await fed()).toEqual(heldBefore);
});

test('a broker that once does not know a topic makes nothing come late or twice', async () => {
  await accounts(2);
  await events(1);
  await drain();
  await accounts(3);
  await events(2);
  await drain(forgetting(topicOf('account')));
  expect(await fed()).toEqual(['account', 'account', 'usage-event', 'usage-event']);
  await drain();
  expect(await fed()).toHaveLength(4);
});
