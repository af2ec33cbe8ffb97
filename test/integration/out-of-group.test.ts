import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAggregate } from '../../src/aggregate/aggregate.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import type { Metrics } from '../../src/platform/metrics.ts';
import { withAdmin } from '../support/kafka-admin.ts';
import { canStartServers, servers } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { tailedCloud } from '../support/tailed-cloud.ts';
import { AggregateStore, rules } from './aggregate-fixture.ts';
import type { KafkaProxy } from './kafka-proxy.ts';
import { startProxiedKafka } from './proxied-kafka.ts';
import type { ProxiedKafka } from './proxied-kafka.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** kafkajs tries for half a minute to join again by itself: nobody should have to wait for that to hear of it. */
const told = { timeout: 15_000 };

describe.skipIf(!canStartServers())('out of its group, as no broker answers,', () => {
  let kafka: ProxiedKafka;
  let broker: LocalServer;
  let proxy: KafkaProxy;
  beforeAll(async () => {
    kafka = await startProxiedKafka();
    ({ broker, proxy } = kafka);
  });
  afterAll(async () => {
    await kafka?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    proxy.fate = () => 'pass';
  });
  const cloudOf = () => tailedCloud(servers().mariadbUrl, [`127.0.0.1:${proxy.port}`]);

  const members = (group: string) =>
    withAdmin([`${broker.host}:${broker.port}`], async (admin) => {
      const [found] = (await admin.describeGroups([group])).groups;
      return { state: found?.state, count: found?.members.length };
    });

  /** Those that have work, and those that wait for some. */
  async function expectTold(part: string, all: readonly Pick<Metrics, 'faults'>[]): Promise<void> {
    const faults = () => all.map((one) => one.faults.list().map(({ part, code }) => [part, code]));
    proxy.fate = () => 'lose';
    await expect.poll(faults, told).toEqual(all.map(() => [[part, 'LOG_UNREACHABLE']]));
    proxy.fate = () => 'pass';
    await expect.poll(faults, told).toEqual(all.map(() => []));
  }

  test('a tailer says so, leader or stand-by, until it is in it again', async () => {
    await using cloud = await cloudOf();
    const leader = cloud.start();
    await leader.when(({ phase }) => phase === 'stream');
    const standBy = cloud.start();
    await standBy.when(({ phase }) => phase === 'standby');
    await expectTold('tail', [leader.metrics, standBy.metrics]);
  });

  test('a worker says so, with partitions or without', async () => {
    await using cloud = await cloudOf();
    await using store = await AggregateStore.create('java-4.23');
    const stop = new AbortController();
    const work = () => {
      const metrics = createMetrics();
      const { log, prefix } = cloud;
      const options = { generation: prefix, prefix, feedPartitions: 1, quirkOverrides: {} };
      const done = runAggregate(
        { ...rules, ...options, schema: store.schema, preset: 'java-4.23', sessionTimeoutMs: 6000 },
        {
          ...{ log, metrics, clock: systemClock, signal: stop.signal },
          ...{ store: store.target, logger: store.logger },
        },
      );
      done.catch(() => {});
      return { metrics, done };
    };
    const workers = [work(), work()];
    await expect
      .poll(() => members(`${cloud.prefix}-aggregate-${cloud.prefix}`), told)
      .toEqual({ state: 'Stable', count: 2 });
    await expectTold(
      'aggregate',
      workers.map(({ metrics }) => metrics),
    );
    stop.abort();
    await Promise.all(workers.map(({ done }) => done));
  });
});
