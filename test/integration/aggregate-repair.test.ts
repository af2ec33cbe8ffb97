import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fold } from '../../src/domain/fold.ts';
import { presets } from '../../src/domain/quirks.ts';
import { smallCloud } from '../support/aggregate-cloud.ts';
import { account, hour, minute, placed, start } from '../support/aggregate-feed.ts';
import { at, close, CorrectionTeller, readTold } from '../support/correction-teller.ts';
import { testSeed } from '../support/seeded.ts';
import type { AggregateStore } from './aggregate-fixture.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let teller: CorrectionTeller;
beforeAll(async () => {
  teller = await CorrectionTeller.create();
});
afterAll(() => teller[Symbol.asyncDispose]());

const { seed, random } = testSeed();

/** What stands of a generation: rows, corrections, and what helper tables would get of intervals. */
async function standing(store: AggregateStore, generation: number): Promise<unknown[]> {
  const columns = {
    record: 'window_start_ms, account_id, HEX(record_id), kind, natural_key, quantity, lineage',
    correction: 'made_start_ms, window_start_ms, HEX(correction_id), delta, changes, action',
    helper_change: `window_start_ms, table_name, account_id, serial, event_id, body`,
    account_state: 'account_id, state, folded_until_ms, incomplete_from_ms',
  };
  const read = async ([table, list]: [string, string]) => {
    // Copies of accounts are as of the close in which they came.
    const rest = table === 'helper_change' ? `AND table_name <> 'account'` : '';
    const [rows] = await store.pool.query(
      `SELECT ${list} FROM ${store.schema}.${table} WHERE generation=${generation} ${rest} ORDER BY ${list}`,
    );
    return rows;
  };
  return Promise.all(Object.entries(columns).map(read));
}

const repair = async (store: AggregateStore, generation: number, accounts: readonly string[]) => {
  for (const id of accounts)
    await store.pool.query(
      `INSERT INTO ${store.schema}.account_repair VALUES (${generation}, 0, ${id})`,
    );
};

const throwsFor =
  (accounts: readonly string[], fromMs: number): typeof fold =>
  (input) => {
    if (accounts.includes(input.state.accountId) && input.window.startMs >= fromMs)
      throw new Error('a bug');
    return fold(input);
  };

test.each(presets)(
  'late events that come while an account waits are corrected as if it had not: %s',
  async (preset) => {
    const cloud = smallCloud(() => random.next());
    const { store, generation } = await teller.tell(preset, cloud, { size: 50 });
    const broken = await store.generation(`broken-${preset}`, 1);
    const accounts = ['3', '4', '5', '6', '7', '8'];
    const [log = []] = placed(cloud, 1);
    const cut = Math.floor(log.length * 0.7);
    const poison = { fold: throwsFor(accounts, start + 5 * hour) };
    await store.foldAll(broken, [log.slice(0, cut)], () => 50, poison);
    expect(await store.count('account_state', `generation=${broken} AND incomplete_from_ms`)).toBe(
      accounts.length,
    );
    await repair(store, broken, accounts);
    await store.foldAll(broken, [log], () => 50);
    expect(await store.count('correction', `generation=${broken}`)).toBeGreaterThan(0);
    expect(await standing(store, broken), `seed ${seed}`).toEqual(
      await standing(store, generation),
    );
    expect(await store.count('closed_window', `generation=${broken}`)).toBe(0);
  },
);

test('an account whose past could not be folded is corrected when it is repaired', async () => {
  const feed = [
    account('1'),
    at(1, 'VM.START', 0),
    close(1),
    at(2, 'VM.STOP', 20 * minute),
    close(2),
    // Late for a window that waits.
    at(3, 'VM.START', 2 * hour + 30 * minute),
    close(3),
    close(4),
  ];
  const whole = await teller.tell('correct', feed);
  const { store } = whole;
  const generation = await store.generation('past', 1);
  const [log = []] = placed(feed, 1);
  const poison: typeof fold = (input) => {
    if (input.events.some(({ id }) => id === '2')) throw new Error('a bug');
    return fold(input);
  };
  await store.foldAll(generation, [log.slice(0, 7)], () => 1, { fold: poison });
  expect((await readTold(store, generation)).corrections).toEqual([]);
  await repair(store, generation, ['1']);
  await store.foldAll(generation, [log], () => 1);
  expect(whole.corrections).toHaveLength(3);
  expect(await standing(store, generation)).toEqual(await standing(store, whole.generation));
});
