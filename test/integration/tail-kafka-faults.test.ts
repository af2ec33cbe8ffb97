import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { readKnownPlacements } from '../../src/tail/own-placements.ts';
import { changeEvents, placement, positions, usageFeed } from '../../streams/index.ts';
import { setTopicConfig, withAdmin } from '../support/kafka-admin.ts';
import { canStartServers, servers } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { RunningTail, TailedCloud } from '../support/tailed-cloud.ts';
import type { KafkaProxy } from './kafka-proxy.ts';
import { startProxiedKafka } from './proxied-kafka.ts';
import type { ProxiedKafka } from './proxied-kafka.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** API keys of the requests whose answers get lost. */
const PRODUCE = 0;
const END_TXN = 26;
/** Of a leader that wrote what its followers do not have. */
const TOO_FEW_REPLICAS = 20;

describe.skipIf(!canStartServers())('a tailer over Kafka', () => {
  let kafka: ProxiedKafka;
  let broker: LocalServer;
  let proxy: KafkaProxy;
  let direct: string[];
  let cloud: TailedCloud;
  beforeAll(async () => {
    kafka = await startProxiedKafka();
    ({ broker, proxy } = kafka);
    direct = [`${broker.host}:${broker.port}`];
  });
  afterAll(async () => {
    await kafka?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    proxy.fate = () => 'pass';
    cloud = await tailedCloud(servers().mariadbUrl, [`127.0.0.1:${proxy.port}`]);
  });
  afterEach(() => cloud[Symbol.asyncDispose]());

  let lastId = 0;
  const write = async (count: number) => {
    for (let left = count; left > 0; left--)
      await insertEvent(cloud.sql, { id: ++lastId, account_id: 2 + (lastId % 5) });
  };
  const following = async () => {
    const tail = cloud.start({ writeTimeoutMs: 5000 });
    await write(5);
    await tail.when(({ phase }) => phase === 'stream');
    await tail.whenCaughtUp();
    return tail;
  };
  const feedIds = async () =>
    (await cloud.feed())
      .flatMap((each) => (each.kind === 'usage-event' ? [Number(each.event.id)] : []))
      .toSorted((a, b) => a - b);
  /** Each event once, and its raw record as well. */
  const expectEachOnce = async () => {
    const [[row]] = await cloud.sql.query<RowDataPacket[]>('SELECT COUNT(*) AS n FROM usage_event');
    const ids = await feedIds();
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(Number(row?.['n']));
    expect(await cloud.raw('usage_event')).toHaveLength(ids.length);
  };
  const whenFaulty = (tail: RunningTail, code: string) =>
    expect
      .poll(() => tail.metrics.faults.list(), { timeout: 20_000 })
      .toMatchObject([{ part: 'tail', code }]);

  test.each([
    { why: 'a commit', key: END_TXN, fate: 'lose answer' },
    { why: 'a commit that never came', key: END_TXN, fate: 'lose' },
    { why: 'a produce request', key: PRODUCE, fate: 'lose answer' },
  ] as const)('writes each change once though answers to $why get lost', async ({ key, fate }) => {
    const tail = await following();
    for (let round = 0; round < 3; round++) {
      let cuts = 0;
      proxy.fate = (apiKey) => (apiKey === key && cuts++ === 0 ? fate : 'pass');
      await write(5);
      await tail.whenCaughtUp();
      expect(cuts).toBeGreaterThan(0);
    }
    await tail.stop();
    expect((await tail.metrics.tailReplacedWriters.get()).values[0]?.value).toBeGreaterThan(2);
    await expectEachOnce();
  });

  test.each([
    { why: 'the feed', topic: () => usageFeed.topic(cloud.prefix), again: true },
    { why: 'the placements', topic: () => placement.topic(cloud.prefix), again: true },
    {
      why: 'a raw topic',
      topic: () => changeEvents(cloud.cloudSchema, 'usage_event').topic(cloud.prefix),
      again: false,
    },
  ])('stops when $why is deleted, and makes no empty one in its place', async (given) => {
    const tail = await following();
    const topic = given.topic();
    await withAdmin(direct, (admin) => admin.deleteTopics({ topics: [topic] }));
    // Of a new account, so that every topic is written to.
    await insertEvent(cloud.sql, { id: ++lastId, account_id: 1000 + lastId });
    const lost = { code: 'LOG_TOPIC_MISSING', facts: { topic } };
    await expect(tail.done).rejects.toMatchObject(lost);
    if (given.again) await expect(cloud.start().done).rejects.toMatchObject(lost);
    expect(await cloud.log.offsets(topic)).toEqual([]);
  });

  test('does not go on into a feed that was deleted and made anew', async () => {
    await (await following()).stop();
    const feed = usageFeed.topic(cloud.prefix);
    await withAdmin(direct, (admin) => admin.deleteTopics({ topics: [feed] }));
    await cloud.log.ensureTopics(cloud.prefix, [usageFeed], cloud.options.feedPartitions);
    const anew = { code: 'LOG_TOPIC_MISSING', facts: { topic: feed, reason: 'made anew' } };
    await expect(cloud.start().done).rejects.toMatchObject(anew);
  });

  test('does not place accounts again where the placements were deleted and made anew', async () => {
    await (await following()).stop();
    const topic = placement.topic(cloud.prefix);
    await withAdmin(direct, (admin) => admin.deleteTopics({ topics: [topic] }));
    await cloud.log.ensureTopics(cloud.prefix, [placement], cloud.options.feedPartitions);
    const before = await cloud.feed();
    // Of an account that had a place.
    await insertEvent(cloud.sql, { id: ++lastId, account_id: 2 });
    const lost = { topic, reason: 'made anew, or emptied', accounts: 0, expected: 5 };
    await expect(cloud.start().done).rejects.toMatchObject({
      code: 'LOG_TOPIC_MISSING',
      facts: lost,
    });
    const { signal } = new AbortController();
    await expect(
      readKnownPlacements(cloud.log, cloud.prefix, cloud.options.feedPartitions, signal),
    ).rejects.toMatchObject({ code: 'LOG_TOPIC_MISSING', facts: lost });
    expect(await cloud.feed()).toEqual(before);
    expect((await cloud.records(topic)).map(({ value }) => value)).toEqual([null]);
  });

  test('does not snapshot into a feed whose positions are gone', async () => {
    await (await following()).stop();
    const topic = positions.topic(cloud.prefix);
    await withAdmin(direct, (admin) => admin.deleteTopics({ topics: [topic] }));
    const lost = { code: 'LOG_TOPIC_MISSING', facts: { topic } };
    await expect(cloud.start().done).rejects.toMatchObject(lost);
  });

  test.each([
    { what: 'a feed', topicOf: () => usageFeed.topic(cloud.prefix) },
    {
      what: 'a raw topic',
      topicOf: () => changeEvents(cloud.cloudSchema, 'usage_event').topic(cloud.prefix),
    },
  ])('is refused $what that was repartitioned', async ({ topicOf }) => {
    await (await following()).stop();
    const topic = topicOf();
    const count = cloud.options.feedPartitions + 1;
    await withAdmin(direct, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic, count }] }),
    );
    const mismatch = { code: 'LOG_TOPIC_MISMATCH', facts: { topic } };
    await expect(cloud.start().done).rejects.toMatchObject(mismatch);
  });

  test('waits while too few replicas are in sync, says so, and goes on by itself', async () => {
    const tail = await following();
    proxy.fate = (apiKey) => (apiKey === PRODUCE ? { errorCode: TOO_FEW_REPLICAS } : 'pass');
    await write(5);
    await whenFaulty(tail, 'LOG_WRITE_FAILED');
    proxy.fate = () => 'pass';
    await tail.whenCaughtUp();
    expect(tail.metrics.faults.list()).toEqual([]);
    await tail.stop();
    await expectEachOnce();
  });

  test('makes a dead letter of a record that its topic cannot hold, and goes on', async () => {
    await (await following()).stop();
    const topic = usageFeed.topic(cloud.prefix);
    await setTopicConfig(direct, topic, {
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'max.message.bytes': '900',
    });
    const tail = cloud.start();
    const resource_name = 'é'.repeat(255);
    await insertEvent(cloud.sql, { id: ++lastId, account_id: 2, resource_name });
    const refused = lastId;
    await write(5);
    await tail.whenCaughtUp();
    await tail.stop();
    expect(await feedIds()).not.toContain(refused);
    expect(await feedIds()).toContain(lastId);
    expect(await cloud.deadLetters()).toMatchObject([
      { reason: 'TOO_LARGE', facts: { topic }, record: { after: { id: `${refused}` } } },
    ]);
  });
});
