import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { planCutover } from '../../src/sink/plan-cutover.ts';
import { requestCutover } from '../../src/cli/rebuild/request-cutover.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { servers } from '../support/servers.ts';
import { openPool, parseMysqlUrl } from '../../src/platform/mysql.ts';
import { Session } from '../../src/sink/session.ts';
import { storeTables } from '../../src/sink/store-tables.ts';
import { hour, vm } from '../support/generation-rows.ts';
import { grantedUser } from '../support/granted-user.ts';
import { DatabaseProxy } from './sink-proxy.ts';
import { day, firstDay, partitions, publishUntil, startSink, TestStore } from './sink-fixture.ts';

/** Each step is a sink that has to lead first. */
vi.setConfig({ testTimeout: 30_000 });

let store: TestStore;
beforeEach(async () => {
  store = await TestStore.create();
  await store.sql(
    `INSERT INTO us.generation (id, name, state, feed_topic, feed_partitions, range_minutes, time_zone,
       close_delay_ms, preset, settings) VALUES (2, 'g2', 'building', 'feed', ?, 1440, 'GMT', 0, 'correct', '{}')`,
    [partitions],
  );
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

/** Both generations have closed these days. */
async function close(days: number): Promise<void> {
  await store.close(firstDay + days * day);
  await store.sql(
    `INSERT INTO us.progress (generation, partition_id, opened_ms, closed_until_ms)
     SELECT 2, partition_id, opened_ms, closed_until_ms FROM us.progress p WHERE generation = 1
     ON DUPLICATE KEY UPDATE closed_until_ms = VALUES(closed_until_ms)`,
  );
}

const published = () => store.sql('SELECT * FROM cu.cloud_usage ORDER BY id');

async function ask(kind: 'cutover' | 'rollback', from: number, to: number): Promise<string> {
  await store.sql(
    `INSERT INTO us.cutover (kind, from_generation, to_generation, requested_by) VALUES (?, ?, ?, 'test')`,
    [kind, from, to],
  );
  return String(await store.value('SELECT MAX(id) FROM us.cutover'));
}

async function answered(id: string): Promise<Record<string, unknown>> {
  for (;;) {
    const [row] = await store.sql('SELECT state, answer FROM us.cutover WHERE id = ?', [id]);
    if (row?.['state'] !== 'requested')
      return { state: row?.['state'], ...(JSON.parse(String(row?.['answer'])) as object) };
    await setTimeout(10);
  }
}

/** Asks a sink that runs for nothing else. */
async function switchTo(
  kind: 'cutover' | 'rollback',
  from: number,
  to: number,
  io: Parameters<typeof startSink>[2] = {},
) {
  const id = await ask(kind, from, to);
  await using sink = startSink(store, {}, io);
  const failed = sink.done.then(() => Promise.reject(new Error('the sink ended first')));
  return await Promise.race([answered(id), failed]);
}

/** Two days of three VMs; the second generation has other hours, one VM less and one more. */
async function twoGenerations(): Promise<void> {
  await store.addRows([
    ...[vm(1, '7', 1, 24), vm(1, '7', 2, 12), vm(1, '8', 3, 6)],
    ...[vm(1, '7', 1, 24, 1), vm(1, '8', 3, 24, 1)],
    ...[vm(2, '7', 1, 24), vm(2, '7', 2, 13), vm(2, '8', 4, 1)],
    ...[vm(2, '7', 1, 24, 1), vm(2, '8', 3, 24, 1)],
  ]);
  await close(2);
  await publishUntil(store, firstDay + 2 * day);
}

test('a cutover applies the difference alone: equal rows keep their ids, and a rollback returns every row as it was', async () => {
  await twoGenerations();
  const before = await published();
  await using session = await Session.open(store.target, 5);
  const plan = await planCutover(session, storeTables(store.schema, store.cloudUsage), 1, 2);
  expect(plan).toEqual({ windows: 2, equal: 3, updated: 1, deleted: 1, inserted: 1, charged: 0 });
  expect(await published()).toEqual(before);

  expect(await switchTo('cutover', 1, 2)).toEqual({ state: 'done', ...plan });
  const after = await published();
  const hours = (rows: typeof after) =>
    rows.map(
      (row) => `${String(row['id'])} ${String(row['description'])} ${String(row['raw_usage'])}`,
    );
  expect(hours(before)).toEqual(['1 vm 1 24', '2 vm 2 12', '3 vm 3 6', '4 vm 1 24', '5 vm 3 24']);
  expect(hours(after)).toEqual(['1 vm 1 24', '2 vm 2 13', '4 vm 1 24', '5 vm 3 24', '6 vm 4 1']);
  expect(await store.value("SELECT name FROM us.generation WHERE state = 'live'")).toBe('g2');

  expect(await switchTo('rollback', 2, 1)).toMatchObject({ state: 'done', updated: 1 });
  expect(await published()).toEqual(before);
  expect(await switchTo('cutover', 1, 2)).toMatchObject({ state: 'done' });
  expect(await published()).toEqual(after);
});

test('a sink that was told the former generation publishes what took its place', async () => {
  await twoGenerations();
  await switchTo('cutover', 1, 2);
  await store.addRows([vm(1, '7', 1, 5, 2), vm(2, '7', 1, 6, 2)]);
  await close(3);
  await publishUntil(store, firstDay + 3 * day);
  expect(
    await store.sql('SELECT raw_usage FROM cu.cloud_usage WHERE start_date >= ?', [
      new Date(firstDay + 2 * day).toISOString().slice(0, 10),
    ]),
  ).toEqual([{ raw_usage: 6 }]);
});

test('what quota has charged is never touched: its differences become corrections', async () => {
  await twoGenerations();
  // Both accounts are charged up to the first day.
  await store.sql("UPDATE cu.cloud_usage SET quota_calculated = 1 WHERE start_date < '2026-03-02'");
  const before = await published();
  expect(await switchTo('cutover', 1, 2)).toMatchObject({ state: 'done', charged: 3, updated: 0 });
  expect(await published()).toEqual(before);
  const ledger = () =>
    store.sql(
      `SELECT account_id, CAST(delta AS SIGNED) AS delta, action, reason FROM us.correction
       WHERE generation = 2 ORDER BY account_id, delta`,
    );
  expect(await ledger()).toEqual([
    { account_id: '7', delta: String(hour), action: 'append', reason: 'CUTOVER' },
    { account_id: '8', delta: String(-6 * hour), action: 'ledger', reason: 'CUTOVER' },
    { account_id: '8', delta: String(hour), action: 'append', reason: 'CUTOVER' },
  ]);
  // Rows and corrections together say what the generation said: 24 + 13 + 1 hours of the first day.
  const sum = await store.value(
    `SELECT CAST((SELECT SUM(quantity) FROM us.record WHERE generation = 2 AND window_start_ms = ?)
       + (SELECT SUM(delta) FROM us.correction WHERE generation = 2 AND window_start_ms = ?) AS CHAR)`,
    [firstDay, firstDay],
  );
  expect(Number(sum)).toBe((24 + 13 + 1) * hour);
  // The missing hours are published with the next window.
  await close(3);
  await publishUntil(store, firstDay + 3 * day);
  const appended = await store.sql(
    "SELECT description, raw_usage FROM cu.cloud_usage WHERE start_date >= '2026-03-03' ORDER BY id",
  );
  expect(appended.map((row) => row['raw_usage'])).toEqual([1, 1]);
  expect(String(appended[0]?.['description'])).toMatch(/^Adjustment for 2026-03-01 00:00:00/);
  // And back: the charged rows stay, what is not charged goes.
  await store.sql('UPDATE us.progress SET closed_until_ms = ? WHERE generation = 1', [
    firstDay + 3 * day,
  ]);
  expect(await switchTo('rollback', 2, 1)).toMatchObject({ state: 'done', deleted: 2 });
  expect(await published()).toEqual(before);
});

test('a generation that is behind, of other windows, or gone is refused, and nothing changes', async () => {
  await twoGenerations();
  const before = await published();
  await store.sql('UPDATE us.progress SET closed_until_ms = ? WHERE generation = 2', [
    firstDay + day,
  ]);
  expect(await switchTo('cutover', 1, 2)).toMatchObject({
    state: 'refused',
    code: 'CUTOVER_REFUSED',
  });
  await close(2);
  await store.sql('UPDATE us.generation SET range_minutes = 60 WHERE id = 2');
  expect(await switchTo('cutover', 1, 2)).toMatchObject({ state: 'refused' });
  expect(await switchTo('cutover', 1, 99)).toMatchObject({ state: 'refused' });
  expect(await switchTo('rollback', 2, 1)).toMatchObject({ state: 'refused' });
  expect(await published()).toEqual(before);
});

test.each([
  { step: 'before the first row changes', at: /DELETE FROM .*cutover_charged/ },
  { step: 'with rows deleted', at: /UPDATE .*quota_calculated = 0/s },
  { step: 'with rows inserted', at: /SELECT COUNT\(\*\) AS records/ },
  { step: 'with everything done', at: /INSERT INTO .*succession/ },
  { step: 'at a COMMIT of unknown outcome', at: /^COMMIT/, after: /answered_at/ },
])('a leader cut off $step leaves a cutover to its successor, done once', async ({ at, after }) => {
  await twoGenerations();
  const before = await published();
  await using proxy = await DatabaseProxy.open(store.target);
  let isCut = false;
  let isArmed = after === undefined;
  proxy.watch = (statement, link) => {
    if (after?.test(statement) === true) isArmed = true;
    if (isCut || !isArmed || !at.test(statement)) return;
    isCut = true;
    if (after === undefined) link.forward = false;
    else link.answer = false;
    void setTimeout(100).then(() => link.client.destroy());
  };
  expect(await switchTo('cutover', 1, 2, { store: proxy.target })).toMatchObject({ state: 'done' });
  expect(isCut).toBe(true);
  expect(await published()).toHaveLength(before.length);
  expect(await store.value('SELECT COUNT(*) FROM us.cutover')).toBe('1');
  await switchTo('rollback', 2, 1);
  expect(await published()).toEqual(before);
});

test('a request that no sink answers is taken back', async () => {
  await twoGenerations();
  const { logger, pool } = {
    logger: createLogger({ level: 'silent' }),
    pool: openPool(store.target),
  };
  const brokers = servers().kafkaBrokers;
  await using log = await openKafkaLog({ brokers, clientId: store.suffix, logger });
  const signal = new AbortController().signal;
  const io = { log, store: store.target, logger, metrics: createMetrics(), signal };
  const call = { kind: 'cutover', name: 'g2', pool, schema: store.schema, io } as const;
  const asked = requestCutover({ ...call, waitMs: 300, onProgress: () => undefined });
  await expect(asked).rejects.toMatchObject({ code: 'CUTOVER_REFUSED' });
  expect(await store.sql('SELECT 1 FROM us.cutover')).toEqual([]);
  await pool.end();
});

test('without the rights of its grant file a request is refused and nothing changes; with them it is done', async () => {
  await twoGenerations();
  const before = await published();
  const names = { schema: store.schema, cloud_usage: store.cloudUsage };
  await using user = await grantedUser('sink', names);
  const as = { store: parseMysqlUrl(user.url) };
  expect(await switchTo('cutover', 1, 2, as)).toMatchObject({
    state: 'refused',
    code: 'STORE_ACCESS_DENIED',
  });
  expect(await published()).toEqual(before);
  const grants = readFileSync(new URL('../../deploy/grants/cutover.sql', import.meta.url), 'utf8')
    .replaceAll(/^--.*$/gm, '')
    .replaceAll('${user}', new URL(user.url).username)
    .replaceAll('${host}', '%')
    .replaceAll('${schema}', store.schema)
    .replaceAll('${cloud_usage}', store.cloudUsage);
  await store.sql(grants);
  await store.sql("UPDATE cu.cloud_usage SET quota_calculated = 1 WHERE start_date < '2026-03-02'");
  expect(await switchTo('cutover', 1, 2, as)).toMatchObject({ state: 'done', charged: 3 });
  expect(await switchTo('rollback', 2, 1, as)).toMatchObject({ state: 'done' });
  await store.sql('UPDATE cu.cloud_usage SET quota_calculated = 0');
  expect(await switchTo('cutover', 1, 2, as)).toMatchObject({ state: 'done' });
});

test('who polls cloud_usage during cutovers under live traffic sees one generation or the other, whole', async () => {
  await twoGenerations();
  const digest = () =>
    store.value(
      `SELECT CONCAT(COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT_WS('|', id, account_id, description, raw_usage))), 0))
       FROM cu.cloud_usage WHERE start_date < '2026-03-03'`,
    );
  const first = await digest();
  await switchTo('cutover', 1, 2);
  const second = await digest();
  expect(second).not.toBe(first);
  let isOver = false;
  const seen = new Set<unknown>();
  const reader = await TestStore.reader(store);
  const polling = (async () => {
    while (!isOver)
      seen.add(
        await reader.value(
          `SELECT CONCAT(COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT_WS('|', id, account_id, description, raw_usage))), 0))
       FROM cu.cloud_usage WHERE start_date < '2026-03-03'`,
        ),
      );
  })();
  {
    await using _sink = startSink(store, { pollMs: 5 });
    for (let at = 2; at < 8; at++) {
      const [from, to] = at % 2 === 0 ? [2, 1] : [1, 2];
      await store.addRows([vm(1, '7', 1, 5, at), vm(2, '7', 1, 6, at)]);
      await close(at + 1);
      expect(await answered(await ask('cutover', from, to))).toMatchObject({ state: 'done' });
    }
  }
  isOver = true;
  await polling;
  await reader.end();
  expect(seen).toEqual(new Set([first, second]));
});
