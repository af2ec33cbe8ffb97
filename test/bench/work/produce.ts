// Produces as many messages as the tail did, of the same sizes, with kafkajs: what sending alone costs.
import { Kafka, Partitioners, logLevel } from 'kafkajs';
import type { Message } from 'kafkajs';
import { openKafkaLog } from '../../../src/platform/log/kafka.ts';
import { createLogger } from '../../../src/platform/logger.ts';

const [feed = '', raw = '', count] = process.argv.slice(2);
const brokers = (process.env['USAGESTREAM_BENCH_KAFKA'] ?? '').split(',');
const events = Number(count);
const sampleSize = 20_000;

/** The first messages of every partition as they are, one of each in turn, so that any stretch is spread as the topic is. */
async function sample(topic: string): Promise<Message[]> {
  await using log = await openKafkaLog({
    brokers,
    clientId: 'bench',
    logger: createLogger({ level: 'silent' }),
  });
  const offsets = await log.offsets(topic);
  const perPartition = Math.ceil(sampleSize / offsets.length);
  const found: { turn: number; message: Message }[] = [];
  for (const { partition, earliest, next } of offsets) {
    let turn = 0;
    const signal = new AbortController().signal;
    for await (const batch of log.read({ topic, partition, from: earliest, until: next, signal })) {
      for (const { key, value } of batch.records)
        found.push({ turn: (turn += 1), message: { key, value, partition } });
      if (turn >= perPartition) break;
    }
  }
  return found.toSorted((a, b) => a.turn - b.turn).map((f) => f.message);
}

const kafka = new Kafka({
  brokers,
  clientId: 'bench-produce',
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 15 },
});
const admin = kafka.admin();
await admin.connect();
const target = { feed: `${feed}-bench`, raw: `${raw}-bench` };
await admin.createTopics({
  topics: [target.feed, target.raw].map((topic) => ({ topic, numPartitions: 8 })),
  waitForLeaders: true,
});
const samples = { feed: await sample(feed), raw: await sample(raw) };
const producer = kafka.producer({
  createPartitioner: Partitioners.DefaultPartitioner,
  idempotent: true,
  maxInFlightRequests: 1,
  transactionalId: 'bench-produce',
});
await producer.connect();
// The raw topic has messages for more than events; what counts is messages of the same size and number.
const perSend = 4000;
for (let sent = 0; sent < events; sent += perSend) {
  const n = Math.min(perSend, events - sent);
  const slice = (list: Message[]) =>
    Array.from({ length: n }, (_, i) => list[(sent + i) % list.length]!);
  const transaction = await producer.transaction();
  await transaction.sendBatch({
    topicMessages: [
      { topic: target.feed, messages: slice(samples.feed) },
      {
        topic: target.raw,
        messages: slice(samples.raw).map(({ key, value }) => ({ key: key ?? null, value })),
      },
    ],
  });
  await transaction.commit();
}
await producer.disconnect();
await admin.deleteTopics({ topics: [target.feed, target.raw] });
await admin.disconnect();
console.log(events);
