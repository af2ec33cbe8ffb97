import { expect, test, vi } from 'vitest';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { usageFeed } from '../../streams/index.ts';
import { randomSuffix, servers } from '../support/servers.ts';
import { insertEvent, tailedCloud } from '../support/tailed-cloud.ts';
import { day, firstDay, startSink, TestStore } from './sink-fixture.ts';

const hour = 3_600_000;

test('watermarks of silent partitions go on when the host clock is set back', async () => {
  await using cloud = await tailedCloud();
  let backMs = 0;
  const clock = { now: () => Date.now() - backMs };
  const tail = cloud.start({}, cloud.log, clock);
  await insertEvent(cloud.sql, { id: 1 });
  await tail.whenCaughtUp();
  const marks = async () => {
    const bare = (await cloud.feed()).filter(({ kind }) => kind === 'watermark');
    return [0, 1, 2].map((at) => bare.filter(({ partition }) => partition === at).length);
  };
  backMs = hour;
  const before = await marks();
  await expect
    .poll(async () => (await marks()).every((n, at) => n > before[at]! + 1), { timeout: 20_000 })
    .toBe(true);
});

test('a member whose host clock is set back joins anew, as its heartbeats would be missing', async () => {
  const { kafkaBrokers: brokers } = servers();
  const prefix = `t${randomSuffix()}`;
  const topic = usageFeed.topic(prefix);
  const logger = createLogger({ level: 'silent' });
  await using log = await openKafkaLog({ brokers, clientId: prefix, logger });
  await log.ensureTopics(prefix, [usageFeed], 1);
  const joined = Promise.withResolvers<void>();
  const handler = {
    async assigned() {
      joined.resolve();
      return new Map([[0, 0]]);
    },
    async batch() {},
    async revoked() {},
  };
  const member = await log.join({ group: prefix, topic, handler, sessionTimeoutMs: 6000 });
  await joined.promise;
  const real = Date.now;
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => real() - hour);
  try {
    await expect(member.done).rejects.toMatchObject({
      code: 'LOG_UNREACHABLE',
      facts: { reason: 'clock set back' },
    });
  } finally {
    spy.mockRestore();
    await log.deleteTopics([topic]);
  }
});

test('a lease from before the clock of its server was set back is free', async () => {
  await using store = await TestStore.create();
  await using gone = startSink(store, { pid: 1 });
  await gone.whenProgress(({ leader }) => leader);
  await gone.stop();
  // As it stands when its holder died, and the clock went back by an hour.
  await store.sql(
    `UPDATE us.lease SET owner = 'gone', expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR
     WHERE name = 'sink'`,
  );
  await store.addRows([{ account: '1' }]);
  await store.close(firstDay + day);
  await using next = startSink(store, { pid: 2 });
  await next.whenProgress(({ lastPublishedEndMs }) => lastPublishedEndMs === firstDay + day);
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('1');
});
