import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { usageFeed } from '../../streams/index.ts';
import { setTopicConfig } from '../support/kafka-admin.ts';
import { coordinatorOf, leaderOf, startKafkaCluster } from '../support/kafka-cluster.ts';
import { canStartServers, servers } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import type { TailedCloud } from '../support/tailed-cloud.ts';

const partitions = 3;

test.skipIf(!canStartServers())(
  'of three brokers any may be killed at work, and too few may be in sync: each change is there once',
  { timeout: 240_000 },
  async () => {
    await using cluster = await startKafkaCluster({ size: 3 });
    await using cloud = await tailedCloud(servers().mariadbUrl, [...cluster.addresses]);
    const tail = cloud.start({ writeTimeoutMs: 5000, feedPartitions: partitions });
    await using load = startLoad(cloud);
    await tail.when(({ phase }) => phase === 'stream');
    /** What was committed after a broker went has been written without it. */
    const goesOn = async () => {
      const from = load.count;
      await expect.poll(() => load.count, { timeout: 30_000 }).toBeGreaterThan(from + 20);
      await tail.whenCaughtUp();
    };
    await goesOn();

    const feed = usageFeed.topic(cloud.prefix);
    const leader = await leaderOf(cluster, feed, 0);
    await cluster.node(leader).stop('SIGKILL');
    await goesOn();
    await cluster.node(leader).restart();
    await cluster.whenInSync();

    const coordinator = await coordinatorOf(cluster, `${cloud.prefix}-tail`);
    await cluster.node(coordinator).stop('SIGKILL');
    await goesOn();

    // The two that are left are too few for the feed as it is now.
    const settings = { 'cleanup.policy': 'delete', 'retention.ms': '-1' };
    await setTopicConfig(cluster.addresses, feed, { ...settings, 'min.insync.replicas': '3' });
    const waits = () => tail.metrics.faults.list();
    const tooFew = [{ part: 'tail', code: 'LOG_WRITE_FAILED' }];
    await expect.poll(waits, { timeout: 30_000 }).toMatchObject(tooFew);
    await cluster.node(coordinator).restart();
    await goesOn();

    await load[Symbol.asyncDispose]();
    await tail.whenCaughtUp();
    await expect.poll(waits, { timeout: 30_000 }).toEqual([]);
    await tail.stop();
    const events = (await cloud.feed()).flatMap((each) =>
      each.kind === 'usage-event' ? [each] : [],
    );
    const wanted = Array.from({ length: load.count }, (_, i) => String(i + 1));
    expect(events.map(({ event }) => Number(event.id)).toSorted((a, b) => a - b)).toEqual(
      wanted.map(Number),
    );
    for (let partition = 0; partition < partitions; partition++) {
      const ids = events.flatMap((each) => (each.partition === partition ? [each.event.id] : []));
      expect(ids.length).toBeGreaterThan(0);
      expect(ids).toEqual(ids.toSorted((a, b) => Number(a) - Number(b)));
    }
    expect(await cloud.raw('usage_event')).toHaveLength(wanted.length);
  },
);

/** One event after another, each a transaction of its own, of accounts on every partition. */
function startLoad({ sql }: TailedCloud) {
  let [count, isOver] = [0, false];
  const running = (async () => {
    while (!isOver) {
      await insertEvent(sql, { id: count + 1, account_id: 2 + (count % 7) });
      count += 1;
      await sleep(5);
    }
  })();
  return {
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      await running;
    },
  };
}
