import { afterEach, beforeEach, expect, test } from 'vitest';
import { CorrectionMessage } from '../../src/contracts/messages.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { corrections } from '../../streams/index.ts';
import { parsed, SinkTopics } from '../support/sink-topics.ts';
import { day, firstDay, publishUntil, TestStore } from './sink-fixture.ts';

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
  expect(await topics.everything(corrections)).toEqual([]);
  await store.close(firstDay + 2 * day);
  await publishUntil(store, firstDay + 2 * day, { mode: 'shadow' }, { log });
  expect(await store.value('SELECT COUNT(*) FROM us.outbox')).toBe('0');

  const sent = await topics.everything(corrections);
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
    changes: {},
    state: 'made',
    stateReason: null,
    appendedRecordId: null,
    creditQuantity: '99999999999999999994',
  });

  await store.close(firstDay + 3 * day);
  await publishUntil(store, firstDay + 3 * day, { mode: 'shadow' }, { log });
  const last = (await topics.everything(corrections))
    .map((record) => parsed(CorrectionMessage, record))
    .filter(({ accountId }) => accountId === '7');
  expect(last).toMatchObject([
    { action: 'append', delta: '2', appendedRecordId: id(9), creditQuantity: null },
  ]);
});
