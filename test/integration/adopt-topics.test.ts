import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { allTopics } from '../../src/cli/demo/pipeline.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { dataTopic } from '../../src/tail/adopt-options.ts';
import { capturedTables } from '../../src/tail/captured-tables.ts';
import { importOffset } from '../../src/tail/hand-over.ts';
import { encodePosition, readPosition } from '../../src/tail/position.ts';
import type { PositionRecord } from '../../src/tail/position.ts';
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

const takeOver = () =>
  importOffset(
    { prefix, cloudSchema, sessionTimeoutMs: 6000, dryRun: false },
    { connector: 'c', server: from, offset: { file: 'b.000001', pos: 900, ts_sec: 1 } },
    { log, logger, signal, clock: systemClock },
  );

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
  await expect(takeOver()).rejects.toMatchObject(gone);
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

test.each([
  { how: 'with topics as they are', form: '{prefix}.{db}.{table}' },
  { how: 'with topics that were renamed', form: 'cdc-{prefix}-{table}' },
])('an import takes nothing over a topic that came up after adoption $how', async ({ form }) => {
  dataTopics = form;
  await accounts(2);
  await drain();
  await events(1);
  await expect(takeOver()).rejects.toMatchObject({
    code: 'OFFSETS_REFUSED',
    facts: { topic: topicOf('usage_event'), partition: 0, read: 0 },
  });
  expect((await position()).adopted).toBeDefined();
  await drain();
  const { after } = await takeOver();
  expect(after).toMatchObject({ file: 'b.000001', pos: 900 });
  expect(after.adopted).toBeUndefined();
  expect(await fed()).toEqual(['account', 'usage-event']);
});

test('an import over a place that does not say which topics were adopted is refused', async () => {
  await accounts(2);
  await drain();
  const stored = await position();
  const { offsets, ...rest } = stored.adopted!;
  const read = Object.entries(offsets).filter(([, next]) => next.length > 0);
  // As an older version wrote it.
  const older: PositionRecord = {
    ...stored,
    adopted: { ...rest, offsets: Object.fromEntries(read) },
  };
  await using writer = await log.writer({ transactionalId: `${prefix}-tail` });
  const transaction = await writer.begin();
  await transaction.append([encodePosition(prefix, older)]);
  await transaction.commit();
  await expect(takeOver()).rejects.toMatchObject({
    code: 'OFFSETS_REFUSED',
    facts: { fix: expect.stringContaining('--drain') },
  });
  await drain();
  expect((await takeOver()).after.adopted).toBeUndefined();
});
