// Reads a topic to its present end with a plain kafkajs consumer, parses and counts: what reading alone costs.
import { Kafka, logLevel } from 'kafkajs';

const [topic = ''] = process.argv.slice(2);
const kafka = new Kafka({
  brokers: (process.env['USAGESTREAM_BENCH_KAFKA'] ?? '').split(','),
  clientId: 'bench-consume',
  logLevel: logLevel.NOTHING,
});
const admin = kafka.admin();
await admin.connect();
// The last offset of a partition may be a transaction marker, which no consumer is given.
const ends = new Map(
  (await admin.fetchTopicOffsets(topic)).map((p) => [p.partition, Number(p.high)]),
);
const consumer = kafka.consumer({ groupId: `bench-${process.pid}` });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
let records = 0;
let accounts = 0;
const done = new Promise<void>((resolve) => {
  void consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) {
        const record = JSON.parse(message.value?.toString() ?? 'null') as {
          event?: { accountId: string };
        };
        if (record.event !== undefined) accounts += Number(record.event.accountId.length > 0);
        records += 1;
      }
      if (Number(batch.lastOffset()) >= (ends.get(batch.partition) ?? 0) - 2)
        ends.delete(batch.partition);
      if ([...ends.values()].every((end) => end === 0)) resolve();
    },
  });
});
await done;
await consumer.disconnect();
await admin.disconnect();
console.log(records, accounts);
