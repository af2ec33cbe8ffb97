import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  account,
  detail,
  event,
  hour,
  logRecord,
  minute,
  start,
  vm,
  volume,
  watermark,
} from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { AggregateStore, batchOf, calm } from './aggregate-fixture.ts';

let store: AggregateStore;
beforeAll(async () => {
  store = await AggregateStore.create();
});
afterAll(() => store[Symbol.asyncDispose]());

/** Hands one batch to a worker of a new generation of one partition. */
async function handled(name: string, values: readonly (Draft | Buffer | null)[]): Promise<number> {
  const generation = await store.generation(name, 1);
  const worker = await store.worker(generation, 0);
  await worker.handle(
    batchOf(
      0,
      values.map((value, at) => logRecord(at, value)),
    ),
    calm,
  );
  await worker.close();
  return generation;
}

const letters = (generation: number) =>
  store.rows<{ feed_offset: string; reason: string; facts: string; record_value: Buffer | null }>(
    'dead_letter',
    `WHERE generation=${generation} ORDER BY feed_offset`,
  );

const create = (id: number | string, columns: Record<string, unknown> = {}) =>
  event(id, 'VOLUME.CREATE', '1', start, null, { ...volume, resourceId: '8', ...columns });
const last = watermark(start + 3 * hour);
const changed = (draft: Draft, json: Record<string, unknown>): Draft => ({
  ...draft,
  json: { ...draft.json, ...json },
});
const longName = 'n'.repeat(256);

test.each([
  { why: 'no value', bad: null, reason: 'MALFORMED' },
  { why: 'not JSON', bad: Buffer.from('{"v":1,'), reason: 'MALFORMED' },
  { why: 'not UTF-8', bad: Buffer.from([0x22, 0xff, 0x22]), reason: 'MALFORMED' },
  { why: 'JSON, but no record', bad: Buffer.from('17'), reason: 'MALFORMED' },
  { why: 'another version', bad: changed(create(1), { v: 2 }), reason: 'WRONG_VERSION' },
  { why: 'an unknown kind', bad: changed(create(1), { kind: 'guess' }), reason: 'MALFORMED' },
  { why: 'an id above 64 bits', bad: create('18446744073709551616'), reason: 'MALFORMED' },
  { why: 'a number for an id', bad: create(1, { resourceId: 8 }), reason: 'MALFORMED' },
  { why: 'NULL where a value is needed', bad: create(1, { zoneId: null }), reason: 'MALFORMED' },
  { why: 'a time before all', bad: create(1, { createdMs: -1 }), reason: 'INVALID_VALUE' },
  {
    why: 'a body too long',
    bad: create(1, { resourceName: 'n'.repeat(66_000) }),
    reason: 'INVALID_VALUE',
  },
  { why: 'a detail too long', bad: detail(1, 1, '1', longName, '1'), reason: 'INVALID_VALUE' },
])(
  '$why is refused alone, with its bytes, and the partition goes on',
  async ({ why, bad, reason }) => {
    const before = await store.metric('aggregate_dead_letters_total', { reason });
    const generation = await handled(why, [account('1'), bad, create(2), last]);
    const [letter, ...others] = await letters(generation);
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ feed_offset: '1', reason });
    expect(letter?.record_value).toEqual(logRecord(1, bad).value);
    expect(await store.metric('aggregate_dead_letters_total', { reason })).toBe(before + 1);
    expect(await store.count('event', `generation=${generation}`)).toBe(1);
    expect(await store.count('record', `generation=${generation}`)).toBe(2);
  },
);

test('ids of 64 bits, quotes, emoji and NULs are stored to the bit', async () => {
  const id = '18446744073709551615';
  const name = `it's "a" \\ \u0000 \u{1F600} \u2028`;
  const columns = { resourceId: id, resourceName: name };
  const vmEvents = ['VM.CREATE', 'VM.START'].map((type, at) =>
    event(BigInt(id) - BigInt(at) + '', type, '1', start, null, { ...vm, ...columns }),
  );
  const generation = await handled('big', [account('1'), ...vmEvents, last]);
  const bodies = await store.rows<{ body: string }>(
    'event',
    `WHERE generation=${generation} ORDER BY event_id DESC`,
  );
  expect(JSON.parse(bodies[0]?.body ?? '')).toEqual(vmEvents[0]?.json);
  const [row] = await store.rows('record', `WHERE generation=${generation} AND usage_type=1`);
  expect(row).toMatchObject({ usage_id: id, vm_name: name });
});

test('a duplicate is counted and bills nothing; another content under the same id is a conflict', async () => {
  const generation = await handled('same id', [
    account('1'),
    create(1),
    create(1),
    changed(create(1), { origin: { ...(create(1).json['origin'] as object), snapshot: true } }),
    create(1, { size: '5' }),
    changed(create(1, { resourceId: '9' }), {
      origin: { ...(create(1).json['origin'] as object), incarnation: 1 },
    }),
    last,
  ]);
  expect(await store.count('event', `generation=${generation}`)).toBe(2);
  // Two volumes for two hours: ids begin again in another incarnation of the source.
  expect(await store.count('record', `generation=${generation}`)).toBe(4);
  expect(await letters(generation)).toMatchObject([
    { feed_offset: '4', reason: 'EVENT_ID_CONFLICT' },
  ]);
  expect(await store.metric('aggregate_events_total', { outcome: 'duplicate' })).toBe(2);
  expect(await store.metric('aggregate_events_total', { outcome: 'conflict' })).toBe(1);
  const code = 'EVENT_ID_CONFLICT';
  expect(await store.metric('aggregate_dead_letters_total', { reason: code })).toBe(1);
  expect(await store.metric('aggregate_anomalies_total', { code })).toBe(1);
  const anomalies = `WHERE generation=${generation} AND code='${code}'`;
  expect(await store.rows('anomaly', anomalies)).toMatchObject([
    { account_id: '1', event_id: '1', window_start_ms: String(start) },
  ]);
});

test('an event that its rule refuses is a dead letter with its feed record', async () => {
  const nameless = event(7, 'VM.CREATE', '1', start, null, { resourceId: '3' });
  const generation = await handled('rule', [account('1'), nameless, create(8), last]);
  const [letter] = await letters(generation);
  expect(letter?.feed_offset).toBe('1');
  expect(JSON.parse(letter?.record_value?.toString() ?? '')).toEqual(nameless.json);
  expect(await store.count('record', `generation=${generation}`)).toBe(2);
});

test('an account that lives on another partition is turned away', async () => {
  const generation = await store.generation('placement', 2);
  const home = await store.worker(generation, 0);
  const other = await store.worker(generation, 1);
  await home.handle(batchOf(0, [logRecord(0, account('1'))]), calm);
  const stray = [account('1'), create(1), detail(1, 1, '1', 'a', 'b'), account('2'), create(1)];
  await other.handle(
    batchOf(
      1,
      stray.map((draft, at) => logRecord(at, draft)),
    ),
    calm,
  );
  await other.handle(batchOf(1, [logRecord(5, create(2))]), calm);
  const refused = await letters(generation);
  expect(refused.map((one) => [one.feed_offset, one.reason])).toEqual(
    ['0', '1', '2', '4', '5'].map((offset) => [offset, 'WRONG_PARTITION']),
  );
  await home.handle(batchOf(0, [logRecord(1, create(1)), logRecord(2, last)]), calm);
  expect(await store.count('record', `generation=${generation}`)).toBe(2);
});

test('facts: the newest of the feed stands, also for a record that comes again', async () => {
  const renamed = changed(account('1'), {
    account: { ...(account('1').json['account'] as object), domainId: '77' },
  });
  const generation = await handled('facts', [account('1'), create(1), renamed, last]);
  const [fact] = await store.rows<{ body: string }>('fact', `WHERE generation=${generation}`);
  expect(JSON.parse(fact?.body ?? '')).toEqual(renamed.json);
  expect(await store.count('record', `generation=${generation} AND domain_id=77`)).toBe(2);
});

test('settings are kept for each partition and open no account', async () => {
  const settings: Draft = {
    account: null,
    json: { ...last.json, kind: 'settings', settings: { 'quota.enable.service': 'true' } },
  };
  const generation = await handled('settings', [settings]);
  const [fact] = await store.rows('fact', `WHERE generation=${generation}`);
  expect(fact).toMatchObject({ account_id: '0', kind: 'settings', fact_id: '0' });
  expect(await store.count('account_state', `generation=${generation}`)).toBe(0);
});

test('an event of a closed window is late and acts at its own time from the next close on', async () => {
  const generation = await store.generation('late', 1);
  const worker = await store.worker(generation, 0);
  const feed = [account('1'), create(1), watermark(start + hour + 15 * minute)];
  await worker.handle(
    batchOf(
      0,
      feed.map((draft, at) => logRecord(at, draft)),
    ),
    calm,
  );
  const gone = event(2, 'VOLUME.DELETE', '1', start + 30 * minute, null, { resourceId: '8' });
  await worker.handle(batchOf(0, [logRecord(3, gone)]), calm);
  await worker.close();
  expect(await store.count('event', `generation=${generation} AND late=1`)).toBe(1);

  const successor = await store.worker(generation, 0);
  await successor.handle(batchOf(0, [logRecord(4, watermark(start + 5 * hour))]), calm);
  const rows = await store.rows<{ window_start_ms: string }>(
    'record',
    `WHERE generation=${generation}`,
  );
  expect(rows.map((row) => Number(row.window_start_ms))).toEqual([start]);
  expect(await store.count('anomaly', `generation=${generation} AND code='LATE_EVENT'`)).toBe(1);
});
