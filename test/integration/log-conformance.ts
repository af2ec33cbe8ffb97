import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cleanup, Stream } from '../../src/contracts/stream.ts';
import type { EventLog, LogBatch, OutRecord } from '../../src/platform/log/log.ts';
import { partitionOfKey } from '../../src/platform/log/murmur2.ts';
import { collect, readAll, readValues } from '../support/read-log.ts';
import { randomSuffix } from '../support/servers.ts';
import { testStream } from '../support/test-stream.ts';
import { describeGroupConformance } from './log-group-conformance.ts';

/** What every adapter of the log port must keep; `open` gives a log of its own each time. */
export function describeLogConformance(name: string, open: () => Promise<EventLog>): void {
  describe(name, () => {
    const made: string[] = [];
    let log: EventLog;
    beforeAll(async () => {
      log = await open();
    });
    afterAll(async () => {
      await log.deleteTopics(made);
      await log[Symbol.asyncDispose]();
    });

    const newTopic = async (partitions = 1, cleanup: Cleanup = 'delete') => {
      const stream = streamOf(partitions, cleanup);
      await log.ensureTopics('t', [stream], 1);
      made.push(stream.topic('t'));
      return stream.topic('t');
    };
    const write = async (records: readonly OutRecord[]) => {
      await using writer = await log.writer({ transactionalId: `w-${randomSuffix()}` });
      const transaction = await writer.begin();
      await transaction.append(records);
      await transaction.commit();
    };

    describe('topics', () => {
      test('are created as their stream says, and left alone when they are there', async () => {
        const stream = streamOf('feed', 'delete');
        made.push(stream.topic('t'));
        await log.ensureTopics('t', [stream], 3);
        await log.ensureTopics('t', [stream], 3);
        expect(await log.offsets(stream.topic('t'))).toEqual(
          [0, 1, 2].map((partition) => ({ partition, earliest: 0, next: 0 })),
        );
      });

      test.each([
        { change: { partitions: 2 }, why: 'partitions' },
        { change: { cleanup: 'compact' as const }, why: 'cleanup' },
      ])('with other $why than their stream are refused', async ({ change }) => {
        const stream = streamOf(1, 'delete');
        const topic = stream.topic('t');
        made.push(topic);
        await log.ensureTopics('t', [stream], 1);
        const other = log.ensureTopics('t', [{ ...stream, ...change }], 1);
        await expect(other).rejects.toMatchObject({ code: 'LOG_TOPIC_MISMATCH', facts: { topic } });
      });

      test('say how they are set up, those that exist', async () => {
        const stream = streamOf('feed', 'compact');
        const topic = stream.topic('t');
        made.push(topic);
        await log.ensureTopics('t', [stream], 2);
        expect(await log.describeTopics([topic, `${topic}-never`])).toEqual([
          { topic, partitions: 2, cleanup: 'compact', retentionMs: 'forever' },
        ]);
      });

      test('that do not exist have no offsets and can be deleted', async () => {
        const topic = `t.never-${randomSuffix()}`;
        await log.deleteTopics([topic]);
        expect(await log.offsets(topic)).toEqual([]);
      });

      test('are gone when they were deleted', async () => {
        const topic = await newTopic();
        await log.deleteTopics([topic]);
        expect(await log.offsets(topic)).toEqual([]);
      });
    });

    describe('a transaction', () => {
      test('that is committed is read once, as it was written, in order', async () => {
        const topic = await newTopic();
        const before = Date.now();
        await write([
          { topic, partition: 0, key: 'k', value: 'ä', headers: { kind: 'x', id: 'ü' } },
          { topic, partition: 0, key: Buffer.from([0, 255]), value: null },
          { topic, partition: 0, key: null, value: Buffer.from([1, 2]) },
        ]);
        const [records, after] = [await readAll(log, topic), Date.now()];
        expect(records.map(({ key, value, headers }) => ({ key, value, headers }))).toEqual([
          { key: Buffer.from('k'), value: Buffer.from('ä'), headers: { kind: 'x', id: 'ü' } },
          { key: Buffer.from([0, 255]), value: null, headers: {} },
          { key: null, value: Buffer.from([1, 2]), headers: {} },
        ]);
        for (const { timestampMs } of records) {
          expect(timestampMs).toBeGreaterThanOrEqual(before);
          expect(timestampMs).toBeLessThanOrEqual(after);
        }
      });

      test('that is aborted, or open when its writer is disposed, is never seen', async () => {
        const topic = await newTopic();
        {
          await using writer = await log.writer({ transactionalId: `w-${randomSuffix()}` });
          const aborted = await writer.begin();
          await aborted.append([of(topic, 'aborted')]);
          await aborted.abort();
          const committed = await writer.begin();
          await committed.append([of(topic, 'kept')]);
          await committed.commit();
          const left = await writer.begin();
          await left.append([of(topic, 'left open')]);
        }
        await write([of(topic, 'last')]);
        expect(await readValues(log, topic)).toEqual(['kept', 'last']);
      });

      test('of nothing can be committed and aborted', async () => {
        await using writer = await log.writer({ transactionalId: `w-${randomSuffix()}` });
        await (await writer.begin()).commit();
        await (await writer.begin()).abort();
        const empty = await writer.begin();
        await empty.append([]);
        await empty.commit();
      });

      test('of many megabytes over several topics keeps the order of each partition', async () => {
        const topics = [await newTopic(3), await newTopic(2)] as const;
        const filler = 'x'.repeat(900);
        const records = Array.from({ length: 12_000 }, (_, i): OutRecord => {
          const first = i % 3 > 0;
          const [topic, partition] = first ? [topics[0], i % 7 === 0 ? 1 : 2] : [topics[1], 1];
          return { topic, partition, key: null, value: `${i} ${filler}` };
        });
        await using writer = await log.writer({ transactionalId: `w-${randomSuffix()}` });
        const transaction = await writer.begin();
        await transaction.append(records.slice(0, 11_000));
        await transaction.append(records.slice(11_000));
        await transaction.commit();
        for (const [topic, partition] of [
          [topics[0], 1],
          [topics[0], 2],
          [topics[1], 1],
        ] as const) {
          const wanted = records.filter(
            (one) => one.topic === topic && one.partition === partition,
          );
          const values = await readValues(log, topic, partition);
          expect(values).toEqual(wanted.map(({ value }) => value));
        }
      });

      test('puts a record without a partition where its key says', async () => {
        const topic = await newTopic(4);
        const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
        await write(keys.map((key) => ({ topic, partition: null, key, value: key })));
        for (const partition of [0, 1, 2, 3]) {
          const wanted = keys.filter((key) => partitionOfKey(Buffer.from(key), 4) === partition);
          expect(await readValues(log, topic, partition)).toEqual(wanted);
        }
      });

      test.each([
        { to: (topic: string) => ({ topic, partition: 7 }), why: 'a partition that is not there' },
        { to: () => ({ topic: 't.nowhere', partition: 0 }), why: 'a topic that is not there' },
      ])('to $why fails, and its writer is spoiled', async ({ to }) => {
        const topic = await newTopic();
        await using writer = await log.writer({ transactionalId: `w-${randomSuffix()}` });
        const transaction = await writer.begin();
        const lost = transaction.append([of(topic, 'a'), { ...of(topic, 'b'), ...to(topic) }]);
        await expect(lost).rejects.toMatchObject({ code: 'LOG_WRITE_FAILED' });
        await expect(transaction.commit()).rejects.toMatchObject({ code: 'LOG_WRITE_FAILED' });
        await expect(writer.begin()).rejects.toMatchObject({ code: 'LOG_WRITE_FAILED' });
        expect(await readValues(log, topic)).toEqual([]);
      });

      test('of an older writer of the same id can neither grow nor be committed', async () => {
        const topic = await newTopic();
        const transactionalId = `w-${randomSuffix()}`;
        await using older = await log.writer({ transactionalId });
        await using idle = await log.writer({ transactionalId: `w-${randomSuffix()}` });
        const zombie = await older.begin();
        await zombie.append([of(topic, 'zombie')]);

        await using newer = await log.writer({ transactionalId });
        const transaction = await newer.begin();
        await transaction.append([of(topic, 'newer')]);
        await expect(zombie.commit()).rejects.toMatchObject({ code: 'LOG_FENCED' });
        await transaction.commit();

        await using third = await log.writer({ transactionalId });
        const late = (await newer.begin()).append([of(topic, 'late')]);
        await expect(late).rejects.toMatchObject({ code: 'LOG_FENCED' });
        await (await third.begin()).commit();
        await (await idle.begin()).commit();
        expect(await readValues(log, topic)).toEqual(['newer']);
      });
    });

    describe('a reader', () => {
      test('does not pass an open transaction', async () => {
        const topic = await newTopic();
        await write([of(topic, 'first')]);
        await using slow = await log.writer({ transactionalId: `w-${randomSuffix()}` });
        const open = await slow.begin();
        await open.append([of(topic, 'open')]);
        await write([of(topic, 'behind')]);
        // It is handed on as far as it can be; then it waits, behind the first.
        const abort = new AbortController();
        const seen: string[] = [];
        const rest = { topic, partition: 0, from: 0, signal: abort.signal };
        for await (const batch of log.read(rest)) {
          seen.push(...valuesOf([batch]));
          if (seen.length >= 1) abort.abort();
        }
        expect(seen).toEqual(['first']);
        const all = readValues(log, topic);
        await open.commit();
        expect(await all).toEqual(['first', 'open', 'behind']);
      });

      test('starts and ends at the offsets asked for, and follows what is written', async () => {
        const topic = await newTopic();
        await write(['a', 'b', 'c', 'd'].map((value) => of(topic, value)));
        const signal = new AbortController().signal;
        const some = log.read({ topic, partition: 0, from: 1, until: 3, signal });
        expect(valuesOf(await collect(some))).toEqual(['b', 'c']);

        const abort = new AbortController();
        const next = (await log.offsets(topic))[0]?.next ?? -1;
        const seen: string[] = [];
        let expected = next;
        const tail = { topic, partition: 0, from: next, signal: abort.signal };
        const written = write([of(topic, 'e')]);
        for await (const batch of log.read(tail)) {
          expect(batch.startOffset).toBe(expected);
          for (const { offset } of batch.records) expect(offset).toBeGreaterThanOrEqual(expected);
          expect(batch.endOffset).toBeGreaterThanOrEqual(batch.nextOffset);
          expected = batch.nextOffset;
          seen.push(...valuesOf([batch]));
          if (seen.length > 0) abort.abort();
        }
        await written;
        expect(seen).toEqual(['e']);
      });

      test('ends at once when there is nothing to read, or it is aborted', async () => {
        const topic = await newTopic();
        expect(await readValues(log, topic)).toEqual([]);
        const abort = new AbortController();
        const waiting = collect(log.read({ topic, partition: 0, from: 0, signal: abort.signal }));
        abort.abort();
        expect(await waiting).toEqual([]);
      });

      test('says so when the log does not reach its start', async () => {
        const topic = await newTopic();
        await write([of(topic, 'a')]);
        const signal = new AbortController().signal;
        const missing = collect(log.read({ topic, partition: 0, from: 99, signal }));
        const facts = { topic, partition: 0, from: 99, earliest: 0 };
        await expect(missing).rejects.toMatchObject({ code: 'LOG_OFFSET_MISSING', facts });
      });
    });

    describeGroupConformance({ open: () => log, newTopic, write });
  });
}

const valuesOf = (batches: readonly LogBatch[]) =>
  batches.flatMap(({ records }) => records.map(({ value }) => String(value)));

const of = (topic: string, value: string): OutRecord => ({ topic, partition: 0, key: null, value });

const streamOf = (partitions: Stream['partitions'], cleanup: Cleanup): Stream =>
  testStream(`conformance-${randomSuffix()}`, { partitions, cleanup });
