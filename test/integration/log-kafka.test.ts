import { expect, test } from 'vitest';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { withAdmin } from '../support/kafka-admin.ts';
import { readValues } from '../support/read-log.ts';
import { randomSuffix, servers } from '../support/servers.ts';
import { testStream } from '../support/test-stream.ts';
import { describeLogConformance } from './log-conformance.ts';

const logger = createLogger({ level: 'silent' });

describeLogConformance('the Kafka log', () =>
  openKafkaLog({ brokers: servers().kafkaBrokers, clientId: 'conformance', logger }),
);

test('a writer whose topic gets more partitions stops before it puts a key elsewhere', async () => {
  const brokers = servers().kafkaBrokers;
  await using log = await openKafkaLog({ brokers, clientId: 'more-partitions', logger });
  const prefix = `t${randomSuffix()}`;
  const [kept, next] = [testStream('kept'), testStream('next')];
  await log.ensureTopics(prefix, [kept, next], 1);
  const topic = kept.topic(prefix);
  const record = (of: string) => ({ topic: of, partition: null, key: 'k', value: of });
  await using writer = await log.writer({ transactionalId: prefix });
  const first = await writer.begin();
  await first.append([record(topic)]);
  await first.commit();
  await withAdmin(brokers, (admin) =>
    admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }),
  );
  const second = await writer.begin();
  // A topic that is new to it makes it look at all of them anew.
  await second.append([record(next.topic(prefix))]);
  await expect(second.append([record(topic)])).rejects.toMatchObject({
    code: 'LOG_TOPIC_MISMATCH',
    facts: { topic, partitions: 3, was: 1 },
  });
  expect(await readValues(log, topic)).toEqual([topic]);
});
