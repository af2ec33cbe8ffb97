import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { usageFeed } from '../../streams/index.ts';
import { canStartServers, randomSuffix } from '../support/servers.ts';
import { KafkaProxy } from './kafka-proxy.ts';
import { startProxiedKafka } from './proxied-kafka.ts';
import type { ProxiedKafka } from './proxied-kafka.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** API keys. */
const LIST_OFFSETS = 2;
const METADATA = 3;
const CREATE_TOPICS = 19;

/** What a broker says that has just started. */
describe.skipIf(!canStartServers())('a Kafka log whose broker does not know a topic', () => {
  let kafka: ProxiedKafka;
  let port: number;
  let proxy: KafkaProxy;
  let log: EventLog;
  let prefix: string;
  let topic: string;
  beforeAll(async () => {
    kafka = await startProxiedKafka();
    ({ proxy, port } = kafka);
  });
  afterAll(async () => {
    await kafka?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    proxy.fate = () => 'pass';
    log = await open([proxy.port]);
    prefix = `u${randomSuffix()}`;
    topic = usageFeed.topic(prefix);
  });
  afterEach(() => log[Symbol.asyncDispose]());

  const open = (ports: readonly number[]): Promise<EventLog> =>
    openKafkaLog({
      brokers: ports.map((each) => `127.0.0.1:${each}`),
      clientId: 'unknown-test',
      logger: createLogger({ level: 'silent' }),
    });
  /** The first so many answers to a request are spoilt. @returns how many of them came */
  const spoilFirst = (key: number, count: number, as: 'unknown' | 'cut') => {
    let seen = 0;
    const rest = proxy.fate;
    proxy.fate = (apiKey) => (apiKey === key && ++seen <= count ? { topic, as } : rest(apiKey));
    return () => seen;
  };
  const whole = [
    { partition: 0, earliest: 0, next: 0 },
    { partition: 1, earliest: 0, next: 0 },
  ];

  test.each([
    { why: 'among its topics', key: METADATA },
    { why: 'among the partitions it leads', key: LIST_OFFSETS },
  ])('asks again when the controller knows it: $why', async ({ key }) => {
    await log.ensureTopics(prefix, [usageFeed], 2);
    const seen = spoilFirst(key, 4, 'unknown');
    expect(await log.offsets(topic)).toEqual(whole);
    expect(seen()).toBeGreaterThan(4);
  });

  test('asks the broker again for a while when it may not ask the controller', async () => {
    await log.ensureTopics(prefix, [usageFeed], 2);
    proxy.fate = (apiKey) => (apiKey === CREATE_TOPICS ? 'lose' : 'pass');
    const seen = spoilFirst(METADATA, 4, 'unknown');
    expect(await log.offsets(topic)).toEqual(whole);
    expect(seen()).toBeGreaterThan(4);
  });

  test('asks another broker when one does not learn of it', async () => {
    await log.ensureTopics(prefix, [usageFeed], 2);
    await using behind = await KafkaProxy.open(() => port);
    behind.fate = (apiKey) => (apiKey === METADATA ? { topic, as: 'unknown' } : 'pass');
    await using other = await open([behind.port, proxy.port]);
    expect(await other.offsets(topic)).toEqual(whole);
  });

  test('does not take some partitions of a topic for all', async () => {
    await log.ensureTopics(prefix, [usageFeed], 2);
    expect(await log.offsets(topic)).toEqual(whole);
    const seen = spoilFirst(METADATA, 4, 'cut');
    expect(await log.offsets(topic)).toEqual(whole);
    expect(seen()).toBeGreaterThan(4);
  });

  test('believes the controller that it is not there, and sees when it is made', async () => {
    let asked = 0;
    proxy.fate = (apiKey) => {
      if (apiKey === CREATE_TOPICS) asked++;
      return 'pass';
    };
    expect(await log.offsets(topic)).toEqual([]);
    expect(await log.offsets(topic)).toEqual([]);
    expect(asked).toBe(1);
    // To be asked whether it may be made makes none.
    expect(await log.describeTopics([topic])).toEqual([]);
    await log.ensureTopics(prefix, [usageFeed], 2);
    spoilFirst(METADATA, 4, 'unknown');
    expect(await log.offsets(topic)).toEqual(whole);
    await log.deleteTopics([topic]);
    expect(await log.offsets(topic)).toEqual([]);
    await log.ensureTopics(prefix, [usageFeed], 1);
    expect(await log.offsets(topic)).toEqual(whole.slice(0, 1));
  });

  test('waits once for topics that are not there when it may not ask the controller', async () => {
    let asked = 0;
    proxy.fate = (apiKey) => {
      if (apiKey !== CREATE_TOPICS) return 'pass';
      asked++;
      return 'lose';
    };
    const missing = [topic, `${topic}-2`, `${topic}-3`];
    const look = () => Promise.all(missing.map((each) => log.offsets(each)));
    expect(await look()).toEqual([[], [], []]);
    const first = asked;
    expect(first).toBeGreaterThan(missing.length);
    expect(await look()).toEqual([[], [], []]);
    expect(asked).toBe(first);
  });
});
