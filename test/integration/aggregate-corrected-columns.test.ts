import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import type { ColumnChanges } from '../../src/domain/row-columns.ts';
import { presets } from '../../src/domain/quirks.ts';
import { account, detail, hour, minute, placed, volume } from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { at, close, CorrectionTeller, machine, readTold } from '../support/correction-teller.ts';
import type { AggregateStore } from './aggregate-fixture.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let teller: CorrectionTeller;
const tell: CorrectionTeller['tell'] = (...args) => teller.tell(...args);
beforeAll(async () => {
  teller = await CorrectionTeller.create();
});
afterAll(() => teller[Symbol.asyncDispose]());

interface Change {
  readonly reason: string;
  readonly delta: string;
  readonly state: string;
  readonly changes: ColumnChanges;
}

async function changesOf(store: AggregateStore, generation: number, type = 1): Promise<Change[]> {
  const rows = await store.rows<Record<string, string>>(
    'correction',
    `WHERE generation=${generation} AND usage_type=${type} ORDER BY made_start_ms, window_start_ms`,
  );
  return rows.map((row) => ({
    reason: String(row['reason']),
    delta: String(row['delta']),
    state: String(row['state']),
    changes: JSON.parse(row['changes'] ?? '{}') as ColumnChanges,
  }));
}

const anomalies = (store: AggregateStore, generation: number, code: string) =>
  store.count('anomaly', `generation=${generation} AND code='${code}'`);

/** A machine that runs; its detail `memory` comes when it comes. */
const custom = { ...machine, offeringId: '77' };
const memory = (value: string): Draft => detail(5, 1, '1', 'memory', value);

test.each(presets)(
  'a late event that changes no quantity is a correction with the columns it changes: %s',
  async (preset) => {
    const created = { ...volume, resourceId: '8', resourceName: 'v' };
    const feed = [
      account('1'),
      at(2, 'VOLUME.CREATE', 10 * minute, created),
      close(1),
      // Earlier in the same second as what counted: a name that was wrong, for as long.
      at(1, 'VOLUME.CREATE', 10 * minute, { ...created, offeringId: '6' }),
      close(2),
      close(3),
    ];
    const { store, generation, corrections } = await tell(preset, feed);
    const all = await changesOf(store, generation, 6);
    // Whichever of the two counts, what is published and what was written down say what all events say.
    const recount = await tell(
      preset,
      [feed[0], feed[1], feed[3], feed[2], feed[4], feed[5]].flatMap((one) => one ?? []),
    );
    const offerings = async (generationOf: number) => {
      const rows = await store.rows<Record<string, string>>(
        'record',
        `WHERE generation=${generationOf} AND usage_type=6 AND kind='usage' ORDER BY window_start_ms`,
      );
      return rows.map((row) => [row['offering_id'], row['quantity'], row['description']]);
    };
    const before = await offerings(generation);
    const wanted = await offerings(recount.generation);
    const corrected = before.map(([offering, quantity, description], n) => {
      const changes = all[n]?.changes ?? {};
      return [
        changes.offering_id?.[1] ?? offering,
        quantity,
        changes.description?.[1] ?? description,
      ];
    });
    expect(corrected).toEqual(wanted);
    expect(corrections).toHaveLength(all.length);
    for (const one of all) expect(one).toMatchObject({ delta: '0', state: 'made' });
  },
);

test.each(presets)(
  'a detail that comes after its event was folded corrects what it is about: %s',
  async (preset) => {
    const { store, generation, corrections, rows } = await tell(preset, [
      account('1'),
      at(1, 'VM.START', 0, custom),
      close(1),
      memory('512'),
      close(2),
      close(3),
    ]);
    expect(rows).toEqual([0, 1, 2, 3].map((n) => `${n} ${hour}`));
    expect(corrections).toEqual([0, 1].map((n) => `2: ${n} ${hour} > ${hour} ledger ["1"]`));
    expect(await changesOf(store, generation)).toEqual(
      [0, 1].map(() => ({
        reason: 'LATE_DETAIL',
        delta: '0',
        state: 'made',
        changes: { memory: [null, '512'] },
      })),
    );
    expect(await anomalies(store, generation, 'LATE_DETAIL')).toBe(1);
    expect(await anomalies(store, generation, 'LATE_EVENT')).toBe(0);
    const [row] = await store.rows<Record<string, unknown>>(
      'record',
      `WHERE generation=${generation} AND usage_type=1 ORDER BY window_start_ms DESC LIMIT 1`,
    );
    expect(row?.['memory']).toBe(512);
  },
);

test.each([
  { name: 'at once', size: Infinity, limits: {} },
  { name: 'record by record, read back', size: 1, limits: { memoryBytes: 0, pageEvents: 1 } },
])('late details come once, however they come: $name', async ({ size, limits }) => {
  const feed = [
    account('1'),
    at(1, 'VM.START', 0, custom),
    close(0),
    memory('512'),
    close(1),
    // What is known already is no news.
    memory('512'),
    close(2),
    // Another value is.
    memory('1024'),
    // Of an event that is late itself, and not folded yet.
    at(2, 'VM.STOP', 2 * hour + minute, custom),
    detail(6, 2, '1', 'memory', '7'),
    close(3),
  ];
  const { store, generation } = await tell('correct', feed, { size, limits });
  const made = await changesOf(store, generation);
  expect(made.map(({ reason, changes }) => [reason, changes.memory])).toEqual([
    ['LATE_DETAIL', [null, '512']],
    ['LATE_DETAIL', ['512', '1024']],
    ['LATE_DETAIL', ['512', '1024']],
    ['LATE_EVENT', ['512', '1024']],
  ]);
  const before = await readTold(store, generation);
  const ids = () => store.rows('correction', `WHERE generation=${generation} ORDER BY correction_id`);
  const standing = await ids();
  await resetGeneration(store.pool, store.schema, generation);
  await store.foldAll(generation, placed(feed, 1), () => size, { limits });
  expect(await readTold(store, generation)).toEqual(before);
  expect(await ids()).toEqual(standing);
});

const late = [
  account('1'),
  at(9, 'VOLUME.CREATE', 0, { ...volume, resourceId: '1' }),
  close(2),
  at(1, 'VM.START', 30 * minute),
  close(3),
];

test('what is older than corrections reach is written down, and not billed', async () => {
  const { store, generation, corrections, rows } = await tell('correct', late, {
    corrections: { mode: 'append', reachMs: hour },
  });
  expect(corrections).toEqual([
    `3: 0 0 > ${30 * minute} ledger ["1"]`,
    `3: 1 0 > ${hour} ledger ["1"]`,
    `3: 2 0 > ${hour} append ["1"]`,
  ]);
  expect(rows.filter((row) => row.endsWith('correction'))).toEqual([`3 ${hour} of a correction`]);
  expect((await changesOf(store, generation)).map(({ reason }) => reason)).toEqual([
    'BEYOND_REACH',
    'BEYOND_REACH',
    'LATE_EVENT',
  ]);
  expect(await anomalies(store, generation, 'CORRECTION_BEYOND_REACH')).toBe(1);
  const counted = { code: 'CORRECTION_BEYOND_REACH' };
  expect(await store.metric('aggregate_anomalies_total', counted)).toBe(1);
});

test('with corrections of the ledger alone nothing is billed that was missed', async () => {
  const { corrections, rows } = await tell('correct', late, {
    corrections: { mode: 'ledger', reachMs: Infinity },
  });
  expect(corrections.map((one) => one.split(' ').at(-2))).toEqual(['ledger', 'ledger', 'ledger']);
  expect(rows.filter((row) => row.endsWith('correction'))).toEqual([]);
});
