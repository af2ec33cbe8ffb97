import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { resetGeneration } from '../../src/aggregate/reset-generation.ts';
import type { ColumnChanges } from '../../src/domain/row-columns.ts';
import { presets } from '../../src/domain/quirks.ts';
import {
  account,
  detail,
  hour,
  minute,
  placed,
  start,
  volume,
  watermark,
} from '../support/aggregate-feed.ts';
import type { Draft } from '../support/aggregate-feed.ts';
import { at, close, CorrectionTeller, machine } from '../support/correction-teller.ts';
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

const memory = (value: string): Draft => detail(5, 1, '1', 'memory', value);
const custom = { ...machine, offeringId: '77' };
const address = { ...machine, resourceName: '10.0.0.9', size: '1' };

test.each([
  { preset: 'correct', delta: 0, action: 'ledger' },
  // Two runs have a millisecond more than one.
  { preset: 'java-4.23', delta: 1, action: 'append' },
] as const)(
  'a late event that changes other columns of a row is a correction that names them: $preset',
  async ({ preset, delta, action }) => {
    const { store, generation, rows, corrections } = await tell(preset, [
      account('1'),
      at(1, 'VM.START', 0),
      close(1),
      at(2, 'VM.STOP', hour + 20 * minute),
      at(3, 'VM.START', hour + 20 * minute, { ...machine, templateId: '10' }),
      close(2),
      // And once more, from what the first correction left.
      at(4, 'VM.STOP', hour + 40 * minute),
      at(5, 'VM.START', hour + 40 * minute, { ...machine, templateId: '11' }),
      close(3),
    ]);
    expect(rows.filter((row) => row.endsWith('correction'))).toHaveLength(2 * delta);
    const name = (template: number) =>
      `vm-7 running time (ServiceOffering: 7) (Template: ${template})`;
    expect(corrections).toEqual([
      `2: 1 ${hour} > ${hour + delta} ${action} ["2","3"]`,
      `3: 1 ${hour + delta} > ${hour + 2 * delta} ${action} ["4","5"]`,
      `3: 2 ${hour} > ${hour} ledger ["4","5"]`,
    ]);
    const changed = (from: number, to: number, by = delta) => ({
      reason: 'LATE_EVENT',
      delta: String(by),
      state: 'made',
      changes: {
        description: [name(from), name(to)],
        template_id: [String(from), String(to)],
      },
    });
    expect(await changesOf(store, generation)).toEqual([
      changed(9, 10),
      changed(10, 11),
      changed(10, 11, 0),
    ]);
  },
);

test.each(presets)(
  'a detail that comes after its event was folded corrects what it is about: %s',
  async (preset) => {
    const { store, generation } = await tell(preset, [
      account('1'),
      at(1, 'NET.IPASSIGN', 0, address),
      close(1),
      detail(5, 1, '1', 'hidden', 'true'),
      close(2),
      close(3),
    ]);
    expect(await changesOf(store, generation, 3)).toEqual(
      [0, 1].map(() => ({
        reason: 'LATE_DETAIL',
        delta: '0',
        state: 'made',
        changes: { is_hidden: ['0', '1'] },
      })),
    );
    expect(await anomalies(store, generation, 'LATE_DETAIL')).toBe(1);
    expect(await anomalies(store, generation, 'LATE_EVENT')).toBe(0);
    const rows = await store.rows<Record<string, unknown>>(
      'record',
      `WHERE generation=${generation} AND usage_type=3 ORDER BY window_start_ms`,
    );
    expect(rows.map((row) => Number(row['is_hidden']))).toEqual([0, 0, 1, 1]);
  },
);

test('a late size of a machine bills the machine of that size, and credits the one of none', async () => {
  const { corrections, rows } = await tell('correct', [
    account('1'),
    at(1, 'VM.START', 0, custom),
    close(0),
    memory('512'),
    close(1),
  ]);
  expect(corrections.toSorted()).toEqual([
    `1: 0 0 > ${hour} append ["1"]`,
    `1: 0 ${hour} > 0 ledger ["1"]`,
  ]);
  expect(rows).toEqual([`0 ${hour}`, `1 ${hour}`, `1 ${hour} of a correction`]);
});

test.each([
  { name: 'at once', size: Infinity, limits: {} },
  { name: 'record by record, read back', size: 1, limits: { memoryBytes: 0, pageEvents: 1 } },
])('late details come once, however they come: $name', async ({ size, limits }) => {
  const hidden = (value: string) => detail(5, 1, '1', 'hidden', value);
  const feed = [
    account('1'),
    at(1, 'NET.IPASSIGN', 0, address),
    close(0),
    hidden('true'),
    close(1),
    // What is known already is no news.
    hidden('true'),
    close(2),
    // Of an event that is late itself, and not folded yet.
    at(2, 'NET.IPASSIGN', minute, { ...address, resourceId: '8', resourceName: '10.0.0.8' }),
    detail(6, 2, '1', 'hidden', 'true'),
    close(3),
  ];
  const { store, generation } = await tell('correct', feed, { size, limits });
  const made = await changesOf(store, generation, 3);
  expect(made.map(({ reason, changes }) => [reason, changes.is_hidden])).toEqual([
    ['LATE_DETAIL', ['0', '1']],
    ...[0, 1, 2].map(() => ['LATE_EVENT', [null, '1']]),
  ]);
  const ids = () =>
    store.rows('correction', `WHERE generation=${generation} ORDER BY correction_id`);
  const standing = await ids();
  await resetGeneration(store.pool, store.schema, generation);
  await store.foldAll(generation, placed(feed, 1), () => size, { limits });
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

/** Settings of the cloud, on the one partition. */
const quota = (value: string): Draft => {
  const { json } = watermark(start);
  const settings = { 'quota.enable.service': value };
  return { account: null, json: { ...json, kind: 'settings', watermarkMs: null, settings } };
};

const amend = { corrections: { mode: 'amend' as const, reachMs: Infinity } };
const wronged = [
  account('1'),
  at(1, 'VM.START', 30 * minute),
  close(1),
  // The machine ran 10 minutes more, and another ran, of which nothing was published.
  at(2, 'VM.START', 20 * minute),
  at(3, 'VM.START', hour, { ...machine, resourceId: '8' }),
  close(2),
];

test('to amend, rows are planned to be changed, and what is missing is held ready', async () => {
  const { store, generation, corrections, rows } = await tell('correct', wronged, amend);
  expect(corrections.toSorted()).toEqual([
    `2: 0 ${30 * minute} > ${40 * minute} amend ["2"]`,
    `2: 1 0 > ${hour} append ["3"]`,
  ]);
  expect(rows.filter((row) => row.endsWith('correction'))).toEqual([`2 ${hour} of a correction`]);
  const [planned] = await store.rows<Record<string, unknown>>(
    'correction',
    `WHERE generation=${generation} AND action='amend'`,
  );
  expect(planned).toMatchObject({ state: 'planned', amended_id: null });
  const [held] = await store.rows<Record<string, unknown>>(
    'held_record',
    `WHERE generation=${generation}`,
  );
  expect(held).toMatchObject({ quantity: String(10 * minute), usage_id: '7' });
  expect(held?.['record_id']).toEqual(planned?.['appended_record_id']);
});

test('while quota is on nothing is planned to be changed', async () => {
  const { corrections } = await tell('correct', [quota('true'), ...wronged], amend);
  expect(corrections.map((one) => one.split(' ').at(-2))).toEqual(['append', 'append']);
  const off = await tell('correct', [quota('true'), quota('false'), ...wronged], amend);
  expect(new Set(off.corrections.map((one) => one.split(' ').at(-2)))).toEqual(
    new Set(['amend', 'append']),
  );
});
