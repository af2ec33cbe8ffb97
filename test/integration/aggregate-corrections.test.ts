import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import { fold } from '../../src/domain/fold.ts';
import { presets } from '../../src/domain/quirks.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import {
  account,
  event,
  hour,
  minute,
  placed,
  start,
  vm,
  volume,
  watermark,
} from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { testSeed } from '../support/seeded.ts';
import { AggregateStore } from './aggregate-fixture.ts';
import type { WorkerChanges } from './aggregate-fixture.ts';

// Thousands of transactions: a busy machine may need a while.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const stores = new Map<Preset, AggregateStore>();
beforeAll(async () => {
  for (const preset of presets) stores.set(preset, await AggregateStore.create(preset));
});
afterAll(async () => {
  for (const store of stores.values()) await store[Symbol.asyncDispose]();
});

const delay = 15 * minute;
const machine = { ...vm, resourceId: '7', resourceName: 'vm-7' };
/** A close of hour n, from 0. */
const close = (n: number): Draft => watermark(start + (n + 1) * hour + delay);
const at = (id: number, type: string, createdMs: number, columns = machine as object): Draft =>
  event(id, type, '1', start + createdMs, null, { ...columns });

interface Told {
  readonly rows: readonly string[];
  readonly corrections: readonly string[];
}

let names = 0;

/** Folds a feed; rows and corrections as `window>made type:key old>new action events`, of usage type 1 or 6. */
async function tell(
  preset: Preset,
  feed: readonly Draft[],
  changes: WorkerChanges & { size?: number } = {},
): Promise<Told & { generation: number; store: AggregateStore }> {
  const store = stores.get(preset);
  if (!store) throw new Error(`no store of ${preset}`);
  const generation = await store.generation(`g${names++}`, 1);
  await store.foldAll(generation, placed(feed, 1), () => changes.size ?? Infinity, changes);
  return { ...(await read(store, generation)), generation, store };
}

async function read(store: AggregateStore, generation: number): Promise<Told> {
  const rows = await store.rows<Record<string, string>>(
    'record',
    `WHERE generation=${generation} AND usage_type IN (1, 6) ORDER BY window_start_ms, kind='usage' DESC, quantity`,
  );
  const corrections = await store.rows<Record<string, string>>(
    'correction',
    `WHERE generation=${generation} AND usage_type IN (1, 6) ORDER BY made_start_ms, window_start_ms`,
  );
  const hours = (ms: unknown) => (Number(ms) - start) / hour;
  return {
    rows: rows.map(
      (row) =>
        `${hours(row['window_start_ms'])} ${row['quantity']}${row['kind'] === 'usage' ? '' : ' of a correction'}`,
    ),
    corrections: corrections.map(
      (one) =>
        `${hours(one['made_start_ms'])}: ${hours(one['window_start_ms'])} ${one['old_quantity']} > ${one['new_quantity']} ${one['action']} ${one['event_ids']}`,
    ),
  };
}

describe.each([
  { name: 'by 10 s', lateBy: 10_000 },
  { name: 'by 2 h', lateBy: 2 * hour },
])('an event of a running machine that is late $name', ({ lateBy }) => {
  test.each(presets)('makes a correction and no second row: %s', async (preset) => {
    const extra = preset === 'correct' ? 0 : 1;
    const stopped = 3 * hour - lateBy;
    const { rows, corrections } = await tell(preset, [
      account('1', start),
      at(1, 'VM.CREATE', 0),
      at(2, 'VM.START', 0),
      close(2),
      at(3, 'VM.STOP', stopped),
      close(4),
    ]);
    expect(rows).toEqual([0, 1, 2].map((n) => `${n} ${hour}`));
    const wrong = Math.floor(stopped / hour);
    const ran = (stopped % hour) + extra;
    const expected = [0, 1, 2]
      .filter((n) => n >= wrong)
      .map((n) => `3: ${n} ${hour} > ${n === wrong ? ran : 0} ledger ["3"]`);
    expect(corrections).toEqual(expected);
  });

  test.each(presets)('when it begins something, bills the time missed: %s', async (preset) => {
    const began = 3 * hour - lateBy;
    const { rows, corrections, store, generation } = await tell(preset, [
      account('1', start),
      at(1, 'VOLUME.CREATE', 0, { ...volume, resourceId: '1' }),
      close(2),
      at(2, 'VM.START', began),
      close(3),
    ]);
    const first = Math.floor(began / hour);
    const missed = [0, 1, 2].filter((n) => n >= first);
    const deltas = missed.map((n) => (n === first ? hour - (began % hour) : hour));
    expect(corrections).toEqual(missed.map((n, i) => `3: ${n} 0 > ${deltas[i]} append ["2"]`));
    expect(rows.filter((row) => row.endsWith('correction')).toSorted()).toEqual(
      deltas.map((delta) => `3 ${delta} of a correction`).toSorted(),
    );
    const [row] = await store.rows<Record<string, string>>(
      'record',
      `WHERE generation=${generation} AND kind<>'usage' ORDER BY description LIMIT 1`,
    );
    const from = new Date(start + first * hour).toISOString().slice(0, 19).replace('T', ' ');
    const to = new Date(start + (first + 1) * hour - 1000)
      .toISOString()
      .slice(0, 19)
      .replace('T', ' ');
    expect(row).toMatchObject({
      usage_id: '7',
      offering_id: '7',
      description: `Adjustment for ${from} .. ${to}: vm-7 running time (ServiceOffering: 7) (Template: 9)`,
      start_date: '2026-03-01 03:00:00',
      end_date: '2026-03-01 03:59:59',
    });
    const [correction] = await store.rows<Record<string, Buffer>>(
      'correction',
      `WHERE generation=${generation} ORDER BY window_start_ms LIMIT 1`,
    );
    expect(row?.['kind']).toBe(correction?.['correction_id']?.toString('hex'));
    expect(row?.['record_id']).toEqual(correction?.['appended_record_id']);
  });
});

test.each(presets)(
  'a start that comes after its stop was folded is not open for ever: %s',
  async (preset) => {
    const extra = preset === 'correct' ? 0 : 1;
    const { rows, corrections } = await tell(preset, [
      account('1', start),
      at(2, 'VM.STOP', 40 * minute),
      close(0),
      at(1, 'VM.START', 10 * minute),
      close(3),
    ]);
    expect(corrections).toEqual([`1: 0 0 > ${30 * minute + extra} append ["1"]`]);
    expect(rows).toEqual([`1 ${30 * minute + extra} of a correction`]);
  },
);

const twice = [
  account('1', start),
  at(1, 'VM.START', 0),
  close(0),
  at(3, 'VM.STOP', 40 * minute),
  close(1),
  at(2, 'VM.STOP', 20 * minute),
  at(4, 'VM.START', 30 * minute),
  close(2),
];
const corrected = {
  rows: [`0 ${hour}`],
  corrections: [
    `1: 0 ${hour} > ${40 * minute} ledger ["3"]`,
    // The row and the first correction are what is compared with.
    `2: 0 ${40 * minute} > ${30 * minute} ledger ["2","4"]`,
  ],
};

test.each([
  { name: 'at once', size: Infinity },
  { name: 'record by record', size: 1 },
  { name: 'read back, page by page', size: 2, limits: { memoryBytes: 0, pageEvents: 1 } },
  { name: 'every page a transaction', size: 2, limits: { splitLength: 0, unitLength: 1 } },
])(
  'a window that is wrong twice is corrected from what the first correction left: $name',
  async (changes) => {
    expect(await tell('correct', twice, changes)).toMatchObject(corrected);
  },
);

test('duplicates of late events, and workers replaced after every record, correct once', async () => {
  const store = stores.get('correct');
  if (!store) throw new Error('no store');
  const generation = await store.generation('duplicates', 1);
  const [log = []] = placed(
    twice.flatMap((draft) => (draft.json['kind'] === 'usage-event' ? [draft, draft] : [draft])),
    1,
  );
  for (let n = 1; n <= log.length; n++)
    await store.foldAll(generation, [log.slice(Math.max(0, n - 3), n)], () => Infinity);
  expect(await read(store, generation)).toEqual(corrected);
});

test('a late event that its rule cannot use is put aside, and corrects nothing', async () => {
  const { rows, corrections, store, generation } = await tell('correct', [
    account('1', start),
    at(1, 'VM.START', 0),
    close(0),
    at(2, 'VM.START', minute, { ...machine, offeringId: null }),
    close(1),
  ]);
  expect(rows).toEqual([`0 ${hour}`, `1 ${hour}`]);
  expect(corrections).toEqual([]);
  expect(await store.count('dead_letter', `generation=${generation}`)).toBe(1);
});

test('what was created before the partition began is billed as if it had been there', async () => {
  const { rows, corrections } = await tell('correct', [
    account('1', start + 2 * hour),
    at(1, 'VM.START', hour + 20 * minute),
    close(2),
  ]);
  expect(rows).toEqual([`1 ${40 * minute}`, `2 ${hour}`]);
  expect(corrections).toEqual([]);
  const late = await tell('correct', [
    account('1', start + 2 * hour),
    watermark(start + 2 * hour + delay),
    at(1, 'VM.START', hour + 20 * minute),
    close(2),
  ]);
  expect(late.corrections).toEqual([`2: 1 0 > ${40 * minute} append ["1"]`]);
  expect(late.rows).toEqual([`2 ${hour}`, `2 ${40 * minute} of a correction`]);
});

test('an account whose past cannot be folded waits, and nothing of it is corrected', async () => {
  const { rows, corrections, store, generation } = await tell('correct', twice, {
    fold: (input) => {
      if (input.events.some(({ id }) => id === '3')) throw new Error('poison');
      return fold(input);
    },
  });
  expect({ rows, corrections }).toEqual({ rows: [`0 ${hour}`], corrections: [] });
  const where = `generation=${generation} AND incomplete_from_ms=${start + hour}`;
  expect(await store.count('account_state', where)).toBe(1);
  expect(await store.count('dead_letter', `generation=${generation} AND reason='FOLD_BUG'`)).toBe(
    1,
  );
});

const { seed, random: source } = testSeed();

/** The same events, each before the first watermark: none is late. */
function inTime(cloud: readonly Draft[]): Draft[] {
  const last = cloud.at(-1);
  const quiet = cloud.slice(0, -1).map(({ account: of, json }) => ({
    account: of,
    json: { ...json, watermarkMs: null },
  }));
  return last ? [...quiet, last] : quiet;
}

describe.each(presets)('a cloud with many late events: %s', (preset) => {
  const cloud = smallCloud(() => source.next());

  test('rows and corrections add up to what it would be, had none been late', async () => {
    const { store, generation } = await tell(preset, cloud, { size: 50 });
    expect(await store.count('correction', `generation=${generation}`)).toBeGreaterThan(0);
    const recount = await tell(preset, inTime(cloud));
    expect(await store.count('event', `generation=${recount.generation} AND late`)).toBe(0);
    expect(await sums(store, generation), `seed ${seed}`).toEqual(
      await sums(store, recount.generation),
    );
  });

  test('a replay from the first record corrects nothing again', async () => {
    const { store, generation } = await tell(preset, cloud, { size: 50 });
    const checksum = async () =>
      (
        await store.pool.query(`CHECKSUM TABLE ${store.schema}.record, ${store.schema}.correction`)
      )[0];
    const before = await checksum();
    await resetGeneration(store.pool, store.schema, generation);
    await store.foldAll(generation, placed(cloud, 1), () => 170, { limits: { memoryBytes: 0 } });
    expect(await checksum()).toEqual(before);
  });
});

/** Rows and corrections by natural key, without zeros. */
async function sums(store: AggregateStore, generation: number): Promise<unknown> {
  const { schema, pool } = store;
  const [rows] = await pool.query(
    `SELECT natural_key, SUM(quantity) AS quantity FROM (
       SELECT natural_key, quantity FROM ${schema}.record WHERE generation=${generation} AND kind='usage'
       UNION ALL
       SELECT natural_key, delta FROM ${schema}.correction WHERE generation=${generation}) both_of_them
     GROUP BY natural_key HAVING SUM(quantity) <> 0 ORDER BY natural_key`,
  );
  return rows;
}
