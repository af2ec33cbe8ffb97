import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  FeedDeadLetter,
  UsageRecordMessage,
  UsageWindowMessage,
} from '../../src/contracts/messages.ts';
import { AppError } from '../../src/platform/errors.ts';
import type { EventLog, LogWriter } from '../../src/platform/log/log.ts';
import { deadLetters, usageRecords, usageWindows } from '../../streams/index.ts';
import { parsed, SinkTopics } from '../support/sink-topics.ts';
import { day, firstDay, publishUntil, startSink, TestStore } from './sink-fixture.ts';

let store: TestStore;
let topics: SinkTopics;
let log: EventLog;
beforeEach(async () => {
  store = await TestStore.create();
  topics = await SinkTopics.open(store.suffix);
  log = topics.log;
});
afterEach(async () => {
  await topics[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const records = () => topics.everything(usageRecords);
const windows = () => topics.everything(usageWindows);
const letters = () => topics.everything(deadLetters);

test('records go out with all they are made of, each account in one partition, then the totals', async () => {
  const maxId = '18446744073709551615';
  const big = { quantity: '99999999999999999999', description: 'vm 😀', size: maxId };
  await store.addRows([
    { account: '5', type: 1, key: 'vm:1', columns: { ...big, lineage: '[{"openedBy":"7"}]' } },
    { account: '5', type: 1, key: 'vm:2', columns: { quantity: 1, raw_usage: 0.1 } },
    { account: maxId, type: 4, key: 'net:1', columns: { quantity: 12, kind: 'correction-1' } },
    { account: '5', type: 1, key: 'vm:1', startMs: firstDay + day },
  ]);
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day, {}, { log });
  expect(await store.value('SELECT COUNT(*) FROM us.outbox')).toBe('0');

  const sent = await records();
  const values = sent.map((record) => parsed(UsageRecordMessage, record));
  expect(values).toHaveLength(4);
  const first = values.findIndex((v) => v.naturalKey === 'vm:1' && v.window.startMs === firstDay);
  expect(values[first]).toMatchObject({
    kind: 'usage',
    generation: 'g1',
    accountId: '5',
    usageType: 1,
    window: { startMs: firstDay, endMs: firstDay + day },
    quantity: '99999999999999999999',
    unit: 'ms',
    cloudUsageId: '1',
    row: { description: 'vm 😀', size: maxId, vmName: null, startDate: '2026-03-01 00:00:00' },
    lineage: [{ openedBy: '7' }],
  });
  expect(sent[first]?.key?.toString()).toBe(values[first]?.recordId);
  const ofFive = sent.filter((_, i) => values[i]?.accountId === '5');
  expect(new Set(ofFive.map((record) => record.partition))).toEqual(new Set([1]));
  expect(ofFive.map((r) => parsed(UsageRecordMessage, r).window.startMs)).toEqual([
    firstDay,
    firstDay,
    firstDay + day,
  ]);

  const totals = await windows();
  expect(totals.map((record) => record.key?.toString())).toEqual([
    '2026-03-01T00:00:00.000Z',
    '2026-03-02T00:00:00.000Z',
  ]);
  expect(parsed(UsageWindowMessage, totals[0])).toMatchObject({
    mode: 'primary',
    rows: 3,
    totals: [
      { usageType: 1, rows: 2, quantity: '100000000000000000000', unit: 'ms' },
      { usageType: 4, rows: 1, quantity: '12', unit: 'bytes' },
    ],
  });
});

test('refused records go out once with their bytes; one that is too large goes out in part', async () => {
  const put = (offset: number, key: Buffer | null, value: Buffer | null) =>
    store.sql('INSERT INTO us.dead_letter SET ?', [
      {
        generation: 1,
        partition_id: 1,
        feed_offset: offset,
        reason: 'MALFORMED',
        facts: '{"at":3}',
        record_key: key,
        record_value: value,
      },
    ]);
  await put(41, Buffer.from('5'), Buffer.from([0, 255]));
  await put(42, null, Buffer.alloc(2_000_000, 'x'));
  await put(43, null, null);
  await store.close(firstDay + day);
  await publishUntil(store, firstDay + day, { mode: 'shadow' }, { log });
  await publishUntil(store, firstDay + day, { mode: 'shadow' }, { log });
  const sent = await letters();
  expect(sent.map((record) => record.key?.toString())).toEqual([
    'feed/1/41',
    'feed/1/42',
    'feed/1/43',
  ]);
  expect(parsed(FeedDeadLetter, sent[0])).toMatchObject({
    stage: 'aggregate',
    reason: 'MALFORMED',
    facts: { at: 3 },
    accountId: '5',
    topic: 'feed',
    partition: 1,
    offset: 41,
    key: Buffer.from('5').toString('base64'),
    value: Buffer.from([0, 255]).toString('base64'),
    valueBytes: 2,
  });
  const large = parsed(FeedDeadLetter, sent[1]);
  expect(large.valueBytes).toBe(2_000_000);
  expect(Buffer.from(large.value ?? '', 'base64')).toHaveLength(600 * 1024);
  expect(parsed(FeedDeadLetter, sent[2]).value).toBeNull();
});

test('a log that fails half-way holds up no window, and everything goes out in the end', async () => {
  const rows = Array.from({ length: 600 }, (_, i) => ({ account: '4', key: `vm:${i}` }));
  await store.addRows(rows);
  await store.close(firstDay + day);
  let isDown = true;
  let appends = 0;
  const failing: EventLog = {
    ...bound(log),
    writer: async (options) => {
      if (isDown) throw new AppError('LOG_UNREACHABLE');
      return failingWriter(await log.writer(options), () => ++appends === 2);
    },
  };
  await using sink = startSink(store, { untilMs: firstDay + day }, { log: failing });
  const stuck = await sink.whenProgress((p) => p.lastPublishedEndMs === firstDay + day);
  expect(stuck.pendingOutbox).toBe(1);
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('600');
  isDown = false;
  await sink.done;
  expect(appends).toBeGreaterThan(3);
  const sent = (await records()).map((record) => parsed(UsageRecordMessage, record));
  expect(new Set(sent.map((value) => value.naturalKey)).size).toBe(600);
  expect(await windows()).toHaveLength(1);
});

test('a log that never answers does not hold up a stop', async () => {
  await store.addRows([{ account: '4' }]);
  await store.close(firstDay + day);
  const opened = Promise.withResolvers<void>();
  const hanging: EventLog = {
    ...bound(log),
    writer: () => {
      opened.resolve();
      return new Promise(() => {});
    },
  };
  const sink = startSink(store, {}, { log: hanging });
  await opened.promise;
  await sink.whenProgress((p) => p.lastPublishedEndMs === firstDay + day);
  await sink.stop();
  expect(await store.value('SELECT COUNT(*) FROM us.outbox')).toBe('1');
});

test('an entry that was sent but not crossed off is sent again with the same keys', async () => {
  await store.addRows([{ account: '4' }]);
  await store.close(firstDay + day);
  await publishUntil(store, firstDay + day, {}, { log });
  await store.sql(
    `INSERT INTO us.outbox (generation, kind, window_start_ms) VALUES (1, 'window', ?)`,
    [firstDay],
  );
  await publishUntil(store, firstDay + day, {}, { log });
  const [first, again, ...more] = await records();
  expect(more).toHaveLength(0);
  expect(again?.key).toEqual(first?.key);
  expect(again?.value).toEqual(first?.value);
});

test('without a log nothing is put into the outbox', async () => {
  await store.addRows([{ account: '4' }]);
  await store.close(firstDay + day);
  await publishUntil(store, firstDay + day);
  expect(await store.value('SELECT COUNT(*) FROM us.outbox')).toBe('0');
});

/** A writer whose appends fail when asked. */
function failingWriter(whole: LogWriter, fails: () => boolean): LogWriter {
  return {
    begin: async () => {
      const transaction = await whole.begin();
      return {
        append: async (batch) => {
          if (fails()) throw new AppError('LOG_WRITE_FAILED');
          await transaction.append(batch);
        },
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
      };
    },
    [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose](),
  };
}

/** The log's methods as properties, so that one can be replaced. */
function bound(whole: EventLog): EventLog {
  return {
    ensureTopics: (...args) => whole.ensureTopics(...args),
    describeTopics: (...args) => whole.describeTopics(...args),
    deleteTopics: (...args) => whole.deleteTopics(...args),
    offsets: (...args) => whole.offsets(...args),
    writer: (...args) => whole.writer(...args),
    read: (...args) => whole.read(...args),
    join: (...args) => whole.join(...args),
    [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose](),
  };
}
