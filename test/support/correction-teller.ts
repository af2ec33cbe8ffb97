import { presets } from '../../src/domain/quirks.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import { AggregateStore } from '../integration/aggregate-fixture.ts';
import type { WorkerChanges } from '../integration/aggregate-fixture.ts';
import { event, hour, minute, placed, start, vm, watermark } from './aggregate-feed.ts';
import type { Draft } from './aggregate-feed.ts';

/** How long after its end a window of these stories closes. */
export const delay = 15 * minute;
export const machine = { ...vm, resourceId: '7', resourceName: 'vm-7' };
/** A close of hour n, from 0. */
export const close = (n: number): Draft => watermark(start + (n + 1) * hour + delay);
/** An event of the machine and account 1, so many ms after the start. */
export const at = (id: number, type: string, createdMs: number, columns: object = machine): Draft =>
  event(id, type, '1', start + createdMs, null, { ...columns });

export interface Told {
  readonly rows: readonly string[];
  readonly corrections: readonly string[];
}

/** Feeds and what becomes of them: rows, and corrections for what came late. */
export class CorrectionTeller implements AsyncDisposable {
  readonly #stores = new Map<Preset, AggregateStore>();
  #names = 0;

  static async create(): Promise<CorrectionTeller> {
    const teller = new CorrectionTeller();
    for (const preset of presets) teller.#stores.set(preset, await AggregateStore.create(preset));
    return teller;
  }

  store(preset: Preset): AggregateStore {
    const store = this.#stores.get(preset);
    if (!store) throw new Error(`no store of ${preset}`);
    return store;
  }

  /** Folds a feed; rows and corrections as `window>made type:key old>new action events`, of usage type 1 or 6. */
  async tell(
    preset: Preset,
    feed: readonly Draft[],
    changes: WorkerChanges & { size?: number } = {},
  ): Promise<Told & { generation: number; store: AggregateStore }> {
    const store = this.store(preset);
    const generation = await store.generation(`g${this.#names++}`, 1);
    await store.foldAll(generation, placed(feed, 1), () => changes.size ?? Infinity, changes);
    return { ...(await readTold(store, generation)), generation, store };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores.values()) await store[Symbol.asyncDispose]();
  }
}

export async function readTold(store: AggregateStore, generation: number): Promise<Told> {
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
