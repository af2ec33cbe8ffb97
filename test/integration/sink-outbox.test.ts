import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  CorrectionMessage,
  FeedDeadLetter,
  UsageRecordMessage,
  UsageWindowMessage,
} from '../../src/contracts/messages.ts';
import { AppError } from '../../src/platform/errors.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import type { EventLog, LogRecord, LogWriter } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import {
  catalogue,
  corrections,
  deadLetters,
  usageRecords,
  usageWindows,
} from '../../streams/index.ts';
import { servers } from '../support/servers.ts';
import { day, firstDay, publishUntil, startSink, TestStore } from './sink-fixture.ts';

let store: TestStore;
let log: EventLog;
beforeEach(async () => {
  store = await TestStore.create();
  log = await openKafkaLog({
    brokers: servers().kafkaBrokers,
    clientId: `sink-test-${store.suffix}`,
    logger: createLogger({ level: 'silent' }),
  });
});
afterEach(async () => {
  await log.deleteTopics(catalogue.map((stream) => stream.topic(`t${store.suffix}`)));
  await log[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

/**
 * All committed records. A commit returns before its records can be seen everywhere; a writer that takes
 * over the transactional id is let in only when all that came before is settled.
 */
async function everything(topic: string): Promise<(LogRecord & { partition: number })[]> {
  await using _settled = await log.writer({ transactionalId: `t${store.suffix}-sink` });
  const found: (LogRecord & { partition: number })[] = [];
  const controller = new AbortController();
  for (const { partition, earliest, next } of await log.offsets(topic)) {
    if (next === earliest) continue;
    const options = { topic, partition, from: earliest, until: next, signal: controller.signal };
    for await (const batch of log.read(options))
      found.push(...batch.records.map((record) => ({ ...record, partition })));
  }
  controller.abort();
  return found;
}
const records = () => everything(usageRecords.topic(`t${store.suffix}`));
const windows = () => everything(usageWindows.topic(`t${store.suffix}`));
const sentCorrections = () => everything(corrections.topic(`t${store.suffix}`));
const letters = () => everything(deadLetters.topic(`t${store.suffix}`));
const parsed = <T>(schema: { parse: (value: unknown) => T }, record: LogRecord | undefined): T =>
  schema.parse(JSON.parse(String(record?.value)));

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

test('corrections go out after the window that made them, each account in one partition, in order', async () => {
  const id = (n: number) => n.toString(16).padStart(32, '0');
  const correct = (account: string, n: number, columns: Record<string, unknown> = {}) =>
    store.sql('INSERT INTO us.correction SET ?', [
      {
        generation: 1,
        account_id: account,
        window_start_ms: firstDay,
        correction_id: Buffer.from(id(n), 'hex'),
        window_end_ms: firstDay + day,
        partition_id: Number(BigInt(account) % 2n),
        usage_type: 1,
        natural_key: `vm:${n}`,
        record_id: Buffer.from(id(1000 + n), 'hex'),
        old_quantity: '99999999999999999999',
        new_quantity: 5,
        delta: '-99999999999999999994',
        reason: 'LATE_EVENT',
        event_ids: '["18446744073709551615"]',
        action: 'ledger',
        made_start_ms: firstDay + day,
        made_end_ms: firstDay + 2 * day,
        ...columns,
      },
    ]);
  // More than a page.
  for (let n = 600; n > 0; n--) await correct(n % 3 === 0 ? '4' : '5', n);
  const appended = { delta: 2, old_quantity: 3, action: 'append' };
  const row = Buffer.from(id(9), 'hex');
  await correct('7', 700, {
    ...appended,
    appended_record_id: row,
    made_start_ms: firstDay + 2 * day,
  });
  await store.addRows([{ account: '4' }]);
  await store.close(firstDay + day);
  await publishUntil(store, firstDay + day, {}, { log });
  expect(await sentCorrections()).toEqual([]);
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day, { mode: 'shadow' }, { log });
  expect(await store.value('SELECT COUNT(*) FROM us.outbox')).toBe('0');

  const sent = await sentCorrections();
  const values = sent.map((record) => parsed(CorrectionMessage, record));
  expect(values).toHaveLength(600);
  for (const account of ['4', '5']) {
    const own = values.filter(({ accountId }) => accountId === account);
    const ids = own.map(({ correctionId }) => correctionId);
    expect(ids).toEqual(ids.toSorted());
    const places = sent.filter((_, i) => values[i]?.accountId === account);
    expect(new Set(places.map(({ partition }) => partition)).size).toBe(1);
    expect(places[0]?.key?.toString()).toBe(account);
  }
  expect(values.find(({ correctionId }) => correctionId === id(1))).toEqual({
    v: 1,
    correctionId: id(1),
    revision: 1,
    generation: 'g1',
    accountId: '5',
    usageType: 1,
    naturalKey: 'vm:1',
    recordId: id(1001),
    window: { startMs: firstDay, endMs: firstDay + day },
    oldQuantity: '99999999999999999999',
    newQuantity: '5',
    delta: '-99999999999999999994',
    unit: 'ms',
    reason: 'LATE_EVENT',
    eventIds: ['18446744073709551615'],
    action: 'ledger',
    madeIn: { startMs: firstDay + day, endMs: firstDay + 2 * day },
    appendedRecordId: null,
    creditQuantity: '99999999999999999994',
  });

  await store.close(firstDay + 3 * day);
  await publishUntil(store, firstDay + 3 * day, { mode: 'shadow' }, { log });
  const last = (await sentCorrections())
    .map((record) => parsed(CorrectionMessage, record))
    .filter(({ accountId }) => accountId === '7');
  expect(last).toMatchObject([
    { action: 'append', delta: '2', appendedRecordId: id(9), creditQuantity: null },
  ]);
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
