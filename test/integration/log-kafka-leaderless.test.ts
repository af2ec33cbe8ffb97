import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { leaveHanging, transactionOf } from '../support/hanging.ts';
import { withAdmin } from '../support/kafka-admin.ts';
import { coordinatorOf, leaderOf, startKafkaCluster } from '../support/kafka-cluster.ts';
import { readValues } from '../support/read-log.ts';
import { canStartServers } from '../support/servers.ts';
import { testStream } from '../support/test-stream.ts';

const logger = createLogger({ level: 'silent' });
const transactionalId = 't-writer';

const stream = testStream('fresh');

test.skipIf(!canStartServers())(
  'while a partition has no leader no writer takes its id: that it was committed is not forgotten',
  { timeout: 120_000 },
  async () => {
    // What a coordinator keeps of a partition is its business: tell it of another one.
    const properties = { 'transaction.partition.verification.enable': 'false' };
    await using cluster = await startKafkaCluster({ size: 3, properties: () => properties });
    const brokers = [...cluster.addresses];
    const open = () => openKafkaLog({ brokers, clientId: 'leaderless-test', logger });
    await using log = await open();
    // Makes the topic of the coordinators.
    await (await log.writer({ transactionalId }))[Symbol.asyncDispose]();
    const coordinator = await coordinatorOf(cluster, transactionalId);
    const lone = coordinator === 1 ? 2 : 1;
    const configEntries = [{ name: 'min.insync.replicas', value: '1' }];
    await withAdmin(brokers, (admin) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic: 't.lone',
            replicaAssignment: [{ partition: 0, replicas: [lone] }],
            configEntries,
          },
          {
            topic: 't.known',
            replicaAssignment: [{ partition: 0, replicas: [coordinator] }],
            configEntries,
          },
        ],
      }),
    );
    const known = { topic: 't.known', partition: 0 };
    await leaveHanging(brokers, { topic: 't.lone', transactionalId, commit: true }, known);
    await cluster.node(lone).stop('SIGKILL');
    const leader = () => leaderOf(cluster, 't.lone', 0).catch(() => 'nobody');
    await expect.poll(leader, { timeout: 30_000 }).toBe('nobody');
    {
      // One that ends while it waits for the leader, with all it knows.
      await using dying = await open();
      const opening = dying.writer({ transactionalId, topicPrefix: 't' });
      const failed = opening.then(
        () => 'opened',
        () => 'failed',
      );
      await sleep(3000);
      expect(await transactionOf(brokers, transactionalId)).toMatchObject({ committed: true });
      await dying[Symbol.asyncDispose]();
      await failed;
    }
    {
      // Nobody's topics but ours matter: neither to a log, nor to its topics, nor to a writer of others.
      await using other = await open();
      await other.ensureTopics('u', [stream], 1);
      await using writer = await other.writer({ transactionalId: 'u-writer', topicPrefix: 'u' });
      const transaction = await writer.begin();
      await transaction.append([{ topic: 'u.fresh', partition: 0, key: null, value: 'goes on' }]);
      await transaction.commit();
      expect(await readValues(other, 'u.fresh')).toEqual(['goes on']);
    }
    await cluster.node(lone).restart();
    await (await log.writer({ transactionalId, topicPrefix: 't' }))[Symbol.asyncDispose]();
    expect(await readValues(log, 't.lone')).toEqual(['hung']);
  },
);
