import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAppError } from '../../src/platform/errors.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog, LogTransaction, LogWriter, OutRecord } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { canStartServers, randomSuffix, startKafka } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { collect, readValues } from '../support/read-log.ts';
import { testStream } from '../support/test-stream.ts';
import { LogStore } from './log-store.ts';

const LIMIT_MS = 90_000;
const logger = createLogger({ level: 'silent' });
const open = (port: number) =>
  openKafkaLog({ brokers: [`127.0.0.1:${port}`], clientId: 'broker-test', logger });

test('a log without brokers says so, with their addresses', async () => {
  // Nothing listens on port 1.
  const brokers = ['127.0.0.1:1'];
  const signal = AbortSignal.timeout(300);
  const lost = openKafkaLog({ brokers, clientId: 'broker-test', logger, signal });
  await expect(lost).rejects.toMatchObject({ code: 'LOG_UNREACHABLE', facts: { brokers } });
});

describe.skipIf(!canStartServers())('a Kafka log over a broker that is hurt', () => {
  const properties = { 'log.cleaner.backoff.ms': '200' };
  let broker: LocalServer;
  let log: EventLog;
  beforeAll(async () => {
    broker = await startKafka({ properties });
    log = await open(broker.port);
  }, LIMIT_MS);
  afterAll(async () => {
    await log?.[Symbol.asyncDispose]();
    await broker?.[Symbol.asyncDispose]();
  }, LIMIT_MS);

  const newTopic = async (partitions = 1) => {
    const stream = testStream(`hurt-${randomSuffix()}`, { partitions });
    await log.ensureTopics('t', [stream], 1);
    return stream.topic('t');
  };

  test(
    'that is killed twice in the middle has every acknowledged transaction once, and its group goes on',
    async () => {
      const topic = await newTopic(2);
      const store = new LogStore();
      const stop = new AbortController();
      const consuming = keepConsuming(log, topic, store, stop.signal);
      const wanted = Array.from({ length: 90 }, (_, i) => String(i));
      const kills = new Set([30, 60]);
      let restarted: Promise<void> = Promise.resolve();
      const acknowledged = await writeAll(log, topic, wanted, (count) => {
        if (!kills.delete(count)) return;
        restarted = broker.stop('SIGKILL').then(() => broker.restart());
      });
      await restarted;
      expect(acknowledged.size).toBeGreaterThan(0);
      expect(await readValues(log, topic)).toEqual(wanted);
      await store.holds(wanted.length);
      stop.abort();
      await consuming;
      expect(store.values.get(0)).toEqual(wanted);
    },
    LIMIT_MS,
  );

  test(
    'that no longer holds the next record ends the reader and the member',
    async () => {
      const topic = await newTopic();
      await writeAll(log, topic, ['a', 'b', 'c', 'd'], () => {});
      await withAdmin(broker.port, async (admin) => {
        // Else kafkajs does not know who leads the partition.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
      });
      const signal = new AbortController().signal;
      const lost = { code: 'LOG_OFFSET_MISSING', facts: { topic, from: 1, earliest: 3 } };
      const read = collect(log.read({ topic, partition: 0, from: 1, signal }));
      await expect(read).rejects.toMatchObject(lost);
      const store = new LogStore();
      store.next.set(0, 1);
      const group = `g-${randomSuffix()}`;
      await using member = await log.join({ topic, group, handler: store.member() });
      await expect(member.done).rejects.toMatchObject(lost);
    },
    LIMIT_MS,
  );

  test(
    'whose compaction emptied whole batches is read to its end',
    async () => {
      const topic = `t.compacted-${randomSuffix()}`;
      const settings = {
        'cleanup.policy': 'compact',
        'min.cleanable.dirty.ratio': '0.01',
        'segment.bytes': '1048576',
        'delete.retention.ms': '0',
      };
      const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
      await withAdmin(broker.port, (admin) =>
        admin.createTopics({ topics: [{ topic, configEntries, numPartitions: 1 }] }),
      );
      const filler = 'x'.repeat(300_000);
      const rounds = 24;
      for (let round = 0; round < rounds; round++) {
        // The last batch of each producer is kept, though empty.
        await using writer = await log.writer({ transactionalId: `w-${randomSuffix()}` });
        const transaction = await writer.begin();
        const record = { topic, partition: 0, key: 'the only key', value: `${round} ${filler}` };
        await transaction.append([record, record]);
        await transaction.commit();
      }
      const values = await untilCompacted(() => readValues(log, topic), rounds * 2);
      expect(values.at(-1)).toBe(`${rounds - 1} ${filler}`);
    },
    LIMIT_MS,
  );

  test(
    'that stands still makes neither writing nor leaving wait for ever',
    async () => {
      const topic = await newTopic();
      const own = await open(broker.port);
      const store = new LogStore();
      await own.join({ topic, group: `g-${randomSuffix()}`, handler: store.member() });
      await store.sharedBy([1]);
      const writer = await own.writer({ transactionalId: `w-${randomSuffix()}` });
      const transaction = await writer.begin();
      process.kill(broker.pid, 'SIGSTOP');
      try {
        const stuck = transaction.append([of(topic, 'a')]);
        const fails = expect(stuck).rejects.toMatchObject({ code: 'LOG_WRITE_FAILED' });
        await own[Symbol.asyncDispose]();
        await fails;
      } finally {
        process.kill(broker.pid, 'SIGCONT');
      }
    },
    LIMIT_MS,
  );
});

const of = (topic: string, value: string): OutRecord => ({ topic, partition: 0, key: null, value });

/**
 * Writes one record a transaction. After any error the writer is replaced, and what the log
 * holds says where to go on: a commit may have been done though its answer was lost.
 */
async function writeAll(
  log: EventLog,
  topic: string,
  wanted: readonly string[],
  onCommit: (count: number) => void,
): Promise<Set<string>> {
  const transactionalId = `w-${randomSuffix()}`;
  const acknowledged = new Set<string>();
  let writer: LogWriter | undefined;
  for (let at = 0; at < wanted.length;) {
    try {
      if (!writer) {
        writer = await log.writer({ transactionalId });
        const held = await readValues(log, topic);
        // Nothing acknowledged may be missing.
        for (const value of acknowledged) expect(held).toContain(value);
        at = held.length;
        continue;
      }
      const transaction: LogTransaction = await writer.begin();
      await transaction.append([of(topic, wanted[at]!)]);
      await transaction.commit();
      acknowledged.add(wanted[at]!);
      onCommit(++at);
    } catch (error) {
      if (!isAppError(error)) throw error;
      await writer?.[Symbol.asyncDispose]();
      writer = undefined;
      await sleep(50);
    }
  }
  await writer?.[Symbol.asyncDispose]();
  return acknowledged;
}

/** Joins again whenever the membership ends. */
async function keepConsuming(log: EventLog, topic: string, store: LogStore, signal: AbortSignal) {
  const group = `g-${randomSuffix()}`;
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  while (!signal.aborted) {
    try {
      const handler = store.member();
      await using member = await log.join({ topic, group, handler, sessionTimeoutMs: 6000 });
      await Promise.race([member.done, stopped]);
    } catch (error) {
      if (!isAppError(error) || error.retry === 'never') throw error;
    }
  }
}

async function untilCompacted(read: () => Promise<string[]>, written: number): Promise<string[]> {
  for (;;) {
    const values = await read();
    if (values.length < written / 2) return values;
    await sleep(200);
  }
}

async function withAdmin<T>(port: number, work: (admin: ReturnType<Kafka['admin']>) => Promise<T>) {
  const brokers = [`127.0.0.1:${port}`];
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
