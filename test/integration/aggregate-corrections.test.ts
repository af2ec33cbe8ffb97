import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fold } from '../../src/domain/fold.ts';
import { presets } from '../../src/domain/quirks.ts';
import {
  account,
  hour,
  minute,
  placed,
  start,
  volume,
  watermark,
} from '../support/aggregate-feed.ts';
import {
  at,
  close,
  CorrectionTeller,
  delay,
  machine,
  readTold,
} from '../support/correction-teller.ts';

// Thousands of transactions: a busy machine may need a while.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let teller: CorrectionTeller;
const tell: CorrectionTeller['tell'] = (...args) => teller.tell(...args);
beforeAll(async () => {
  teller = await CorrectionTeller.create();
});
afterAll(() => teller[Symbol.asyncDispose]());

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
  const store = teller.store('correct');
  const generation = await store.generation('duplicates', 1);
  const [log = []] = placed(
    twice.flatMap((draft) => (draft.json['kind'] === 'usage-event' ? [draft, draft] : [draft])),
    1,
  );
  for (let n = 1; n <= log.length; n++)
    await store.foldAll(generation, [log.slice(Math.max(0, n - 3), n)], () => Infinity);
  expect(await readTold(store, generation)).toEqual(corrected);
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
