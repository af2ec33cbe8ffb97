import { Kafka, logLevel } from 'kafkajs';
import type { Admin } from 'kafkajs';

/** What an operator does to a cluster. */
export async function withAdmin<T>(
  brokers: readonly string[],
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Sets the configuration of a topic; what is not given goes back to its default. */
export const setTopicConfig = (
  brokers: readonly string[],
  topic: string,
  config: Readonly<Record<string, string>>,
): Promise<unknown> =>
  withAdmin(brokers, (admin) => {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    // kafkajs' ConfigResourceTypes.TOPIC, which an ES module cannot import.
    const resources = [{ type: 2, name: topic, configEntries }];
    return admin.alterConfigs({ validateOnly: false, resources });
  });

/** Removes all records of a partition up to an offset, as retention does. */
export const dropRecords = (
  brokers: readonly string[],
  topic: string,
  partition: number,
  offset: number,
): Promise<void> =>
  withAdmin(brokers, async (admin) => {
    // Else kafkajs does not know who leads the partition.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: `${offset}` }] });
  });
