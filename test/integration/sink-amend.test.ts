import { createConnection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CorrectionMessage } from '../../src/contracts/messages.ts';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { MysqlTarget } from '../../src/platform/mysql.ts';
import { corrections } from '../../streams/index.ts';
import { alsoGranted, grantedUser } from '../support/granted-user.ts';
import type { GrantedUser } from '../support/granted-user.ts';
import { parsed, SinkTopics } from '../support/sink-topics.ts';
import { day, firstDay, publishUntil, TestStore } from './sink-fixture.ts';

const hour = 3_600_000;
const second = firstDay + day;
let store: TestStore;
let user: GrantedUser;
let target: MysqlTarget;

beforeEach(async () => {
  store = await TestStore.create();
  const names = { schema: store.schema, cloud_usage: store.cloudUsage };
  user = await grantedUser('sink', names);
  await alsoGranted(user, 'sink-amend', names);
  target = parseMysqlUrl(user.url);
  // A row of the first window, published.
  await store.addRows([{ account: '5', key: 'vm:1' }]);
  await store.close(second);
  await publishUntil(store, second, {}, { store: target });
});
afterEach(async () => {
  await user[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const row = () => store.sql('SELECT * FROM cu.cloud_usage WHERE id = 1');
const rowId = () =>
  store.value(
    `SELECT record_id FROM us.record WHERE natural_key = 'vm:1' AND window_start_ms = ?`,
    [firstDay],
  );

/** An amend of the row, as a close of the second window writes it; with its held row when time is missing. */
async function plan(delta: number, columns: Record<string, unknown> = {}): Promise<void> {
  const held = Buffer.alloc(16, 7);
  const id = Buffer.alloc(16, 1);
  const quantity = day + delta;
  await store.sql('INSERT INTO us.correction SET ?', [
    {
      ...{ generation: 1, account_id: 5, window_start_ms: firstDay, window_end_ms: second },
      ...{ correction_id: id, partition_id: 1, usage_type: 1, natural_key: 'vm:1' },
      ...{ record_id: await rowId(), old_quantity: day, new_quantity: quantity, delta },
      ...{ reason: 'LATE_EVENT', event_ids: '["9"]', action: 'amend', state: 'planned' },
      ...{ made_start_ms: second, made_end_ms: second + day },
      appended_record_id: delta > 0 ? held : null,
      amend_to: JSON.stringify({ rawUsage: 7.25, usageDisplay: '7.25 Hrs' }),
      ...columns,
    },
  ]);
  if (delta > 0)
    await store.sql('INSERT INTO us.held_record SET ?', [
      {
        ...{ generation: 1, window_start_ms: second, window_end_ms: second + day, account_id: 5 },
        ...{ record_id: held, partition_id: 1, kind: id.toString('hex'), usage_type: 1 },
        ...{ natural_key: 'held', quantity: delta, zone_id: 1, domain_id: 1, raw_usage: 1 },
        ...{ description: 'Adjustment', usage_display: '1 Hrs', is_hidden: 0, lineage: '[]' },
        ...{ start_date: '2026-03-02 00:00:00', end_date: '2026-03-02 23:59:59' },
      },
    ]);
}

const publish = async (mayAmend = true, mode: 'primary' | 'shadow' = 'primary') => {
  await store.close(second + day);
  await publishUntil(store, second + day, { mayAmend, mode }, { store: target });
};
const state = () =>
  store.sql(
    'SELECT state, state_reason, amended_id, amended_from, amended_into FROM us.correction',
  );

test('a published row is changed in place, with a record of what it was and became', async () => {
  const before = (await row())[0];
  const changes = {
    description: ['running time of vm:1', 'vm 😀'],
    template_id: [null, '18446744073709551615'],
    is_hidden: ['0', '1'],
  };
  await plan(-hour, { changes: JSON.stringify(changes) });
  await publish();
  const after = (await row())[0];
  expect(after).toEqual({
    ...before,
    raw_usage: 7.25,
    usage_display: '7.25 Hrs',
    description: 'vm ?',
    template_id: '18446744073709551615',
    is_hidden: 1,
  });
  const [made] = await state();
  expect(made).toMatchObject({ state: 'amended', state_reason: null, amended_id: '1' });
  expect(JSON.parse(String(made?.['amended_from']))).toMatchObject({
    raw_usage: '24',
    template_id: null,
    description: 'running time of vm:1',
  });
  expect(JSON.parse(String(made?.['amended_into']))).toMatchObject({
    raw_usage: '7.25',
    template_id: '18446744073709551615',
  });
  // Once: neither again, nor as a row beside it.
  await store.sql('INSERT INTO us.repaired_window VALUES (1, ?, 5)', [second]);
  await publish();
  expect((await row())[0]).toEqual(after);
  expect(await store.value('SELECT COUNT(*) FROM cu.cloud_usage')).toBe('1');
});

test('a row that other corrections are beside is changed by the difference alone', async () => {
  const other = { correction_id: Buffer.alloc(16, 3), action: 'append', state: 'made' };
  await plan(2 * hour, { ...other, appended_record_id: null, made_start_ms: firstDay });
  await plan(-hour, { old_quantity: day + 2 * hour, new_quantity: day + hour });
  await publish();
  expect((await row())[0]).toMatchObject({ raw_usage: 23, usage_display: '23 Hrs' });
});

describe.each([
  {
    why: 'CHARGED',
    when: 'quota has charged a row of the window',
    prepare: async () => {
      await store.addRows([{ account: '5', key: 'vm:2' }]);
      await store.sql('INSERT INTO us.repaired_window VALUES (1, ?, 5)', [firstDay]);
      await publishUntil(store, second, {}, { store: target });
      await store.sql('UPDATE cu.cloud_usage SET quota_calculated = 1 WHERE id = 2');
    },
  },
  {
    why: 'QUOTA_ON',
    when: 'quota is on',
    prepare: () =>
      store.sql('INSERT INTO us.fact SET ?', [
        {
          ...{ generation: 1, account_id: 0, kind: 'settings', fact_id: 0, partition_id: 0 },
          ...{ feed_offset: 0, present: 1 },
          body: JSON.stringify({ settings: { 'quota.enable.service': 'true' } }),
        },
      ]),
  },
  {
    why: 'NOT_PUBLISHED',
    when: 'the row was published by another',
    prepare: () => store.sql('UPDATE us.record SET cloud_usage_id = NULL'),
  },
  { why: 'NOT_ALLOWED', when: 'the sink was not told so', mayAmend: false },
  { why: 'SHADOW', when: 'no table of CloudStack is written', mode: 'shadow' as const },
])('no published row is changed when $when', ({ why, prepare, mayAmend = true, mode }) => {
  test('what was missed is billed in the window that is published', async () => {
    await prepare?.();
    const before = await row();
    await plan(hour);
    await publish(mayAmend, mode);
    expect(await row()).toEqual(before);
    expect(await state()).toMatchObject([{ state: 'refused', state_reason: why }]);
    const [held] = await store.sql('SELECT * FROM us.record WHERE window_start_ms = ?', [second]);
    expect(held).toMatchObject({ natural_key: 'held', quantity: String(hour), raw_usage: 1 });
    expect(held?.['cloud_usage_id'] === null).toBe(mode === 'shadow');
  });

  test('what was too much is only written down', async () => {
    await prepare?.();
    const before = await row();
    await plan(-hour);
    await publish(mayAmend, mode);
    expect(await row()).toEqual(before);
    expect(await state()).toMatchObject([{ state: 'refused', state_reason: why }]);
    expect(
      await store.value('SELECT COUNT(*) FROM us.record WHERE window_start_ms = ?', [second]),
    ).toBe('0');
  });
});

test('the topic tells what became of an amend', async () => {
  await using topics = await SinkTopics.open(store.suffix);
  await plan(hour, { changes: JSON.stringify({ zone_id: ['1', '2'] }) });
  await plan(-hour, { correction_id: Buffer.alloc(16, 2), record_id: Buffer.alloc(16, 9) });
  await store.close(second + day);
  const io = { log: topics.log, store: target };
  await publishUntil(store, second + day, { mayAmend: true }, io);
  const sent = await topics.everything(corrections);
  expect(sent.map((one) => parsed(CorrectionMessage, one))).toMatchObject([
    {
      ...{ action: 'amend', state: 'amended', stateReason: null, changes: { zone_id: ['1', '2'] } },
      ...{ appendedRecordId: null, creditQuantity: null },
    },
    {
      ...{ action: 'amend', state: 'refused', stateReason: 'NOT_PUBLISHED', changes: {} },
      ...{ appendedRecordId: null, creditQuantity: String(hour) },
    },
  ]);
});

test('without its grant the sink does not start, and says which', async () => {
  const names = { schema: store.schema, cloud_usage: store.cloudUsage };
  await using plain = await grantedUser('sink', names);
  const io = { store: parseMysqlUrl(plain.url) };
  await expect(publishUntil(store, second, { mayAmend: true }, io)).rejects.toMatchObject({
    code: 'SINK_AMEND_DENIED',
  });
});

test.each(['quota_calculated = 0', 'account_id = 1', 'usage_type = 2', 'domain_id = 1'])(
  'the grant for amends does not let it set %s',
  async (set) => {
    const connection = await createConnection(mysqlOptions(target));
    await expect(
      connection.query(`UPDATE ${store.cloudUsage}.cloud_usage SET ${set}`),
    ).rejects.toMatchObject({ code: 'ER_COLUMNACCESS_DENIED_ERROR' });
    await connection.end();
  },
);
