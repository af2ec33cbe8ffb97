import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog, OutRecord } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { leaveHanging, takeOver, writeWithoutMarker } from '../support/hanging.ts';
import { canStartServers, randomSuffix, startKafka } from '../support/servers.ts';
import type { LocalServer } from '../support/servers.ts';
import { readValues } from '../support/read-log.ts';
import { testStream } from '../support/test-stream.ts';

const LIMIT_MS = 90_000;
const logger = createLogger({ level: 'silent' });
const of = (topic: string, value: string): OutRecord => ({ topic, partition: 0, key: null, value });

describe.skipIf(!canStartServers())('a coordinator', () => {
  // So that a test can leave a transaction without its marker.
  const properties = {
    'transaction.partition.verification.enable': 'false',
    // And so that an idle writer loses its connections without more.
    'connections.max.idle.ms': '2000',
  };
  let broker: LocalServer;
  let log: EventLog;
  let brokers: string[];
  beforeAll(async () => {
    broker = await startKafka({ properties });
    brokers = [`127.0.0.1:${broker.port}`];
    log = await openKafkaLog({ brokers, clientId: 'marker-test', logger });
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

  test.each([
    { commit: true, held: ['hung'], why: 'shows it, as it was committed' },
    { commit: false, held: [], why: 'hides it, as it was aborted' },
  ])(
    'that left out the marker of a transaction: the next writer of the id $why',
    async ({ commit, held }) => {
      const topic = await newTopic(2);
      const transactionalId = `w-${randomSuffix()}`;
      // The coordinator of the id may not be ready yet.
      await (await log.writer({ transactionalId }))[Symbol.asyncDispose]();
      await leaveHanging(brokers, { topic, transactionalId, commit });
      await using writer = await log.writer({ transactionalId });
      expect(await readValues(log, topic)).toEqual(held);
      const transaction = await writer.begin();
      await transaction.append([of(topic, 'later')]);
      // The marker of this one must not decide about the one before.
      await transaction.commit();
      expect(await readValues(log, topic)).toEqual([...held, 'later']);
    },
    LIMIT_MS,
  );

  test(
    'that forgot how it ended, as others took the id: it is not guessed',
    async () => {
      const topic = await newTopic(2);
      const transactionalId = `w-${randomSuffix()}`;
      await (await log.writer({ transactionalId }))[Symbol.asyncDispose]();
      await leaveHanging(brokers, { topic, transactionalId, commit: true });
      await takeOver(brokers, transactionalId);
      const refused = {
        code: 'LOG_WRITE_FAILED',
        facts: { reason: expect.stringContaining('unknown outcome') as string },
      };
      await expect(log.writer({ transactionalId })).rejects.toMatchObject(refused);
      // And not by what it has learned of itself meanwhile.
      await expect(log.writer({ transactionalId })).rejects.toMatchObject(refused);
    },
    LIMIT_MS,
  );

  test.each([
    { hangs: false, why: 'goes on where all before it has its end' },
    {
      hangs: true,
      why: 'is over where a marker is missing, before it could undo what was committed',
    },
  ])(
    'whose connection an idle writer has lost: it $why',
    async ({ hangs }) => {
      const topic = await newTopic(2);
      const transactionalId = `w-${randomSuffix()}`;
      await using writer = await log.writer({ transactionalId, topicPrefix: 't' });
      const first = await writer.begin();
      await first.append([{ ...of(topic, 'first'), partition: 1 }]);
      const [open] = (await log.openTransactions?.(topic)) ?? [];
      await first.commit();
      const producer = { producerId: String(open?.producerId), producerEpoch: 0 };
      if (hangs) await writeWithoutMarker(brokers, topic, { transactionalId, ...producer });
      // Nothing tells that the broker has closed it: it does so when it has been idle long enough.
      await sleep(5000);

      const second = await writer.begin();
      const append = second.append([of(topic, 'second')]);
      if (hangs) {
        await expect(append).rejects.toMatchObject({
          code: 'LOG_WRITE_FAILED',
          facts: { reason: expect.stringContaining('coordinator was lost') as string },
        });
        await using next = await log.writer({ transactionalId, topicPrefix: 't' });
        const third = await next.begin();
        await third.append([of(topic, 'third')]);
        await third.abort();
        expect(await readValues(log, topic)).toEqual(['hung']);
      } else {
        await append;
        await second.commit();
        expect(await readValues(log, topic)).toEqual(['second']);
      }
      expect(await readValues(log, topic, 1)).toEqual(['first']);
    },
    LIMIT_MS,
  );
});
