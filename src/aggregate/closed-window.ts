import type { EpochMs, Window } from '../contracts/time.ts';
import type { PartitionStore } from './store.ts';

/** Notes where in the feed a window was closed: accounts that wait are folded by it when they are repaired. */
export async function noteClose(
  store: PartitionStore,
  window: Window,
  nextOffset: number,
): Promise<void> {
  await store.run(
    `INSERT INTO closed_window (generation, partition_id, window_start_ms, next_offset)
     VALUES (${store.generation},${store.partition},${window.startMs},${nextOffset})
     ON DUPLICATE KEY UPDATE next_offset=VALUES(next_offset)`,
  );
}

/** Where in the feed windows were closed, by window start, as far as it was noted. */
export async function readCloses(
  store: PartitionStore,
  fromMs: EpochMs,
): Promise<ReadonlyMap<EpochMs, number>> {
  const rows = await store.rows<{ window_start_ms: string; next_offset: string }>(
    `SELECT window_start_ms, next_offset FROM closed_window
     WHERE generation=${store.generation} AND partition_id=${store.partition}
       AND window_start_ms >= ${fromMs}`,
  );
  return new Map(rows.map((row) => [Number(row.window_start_ms), Number(row.next_offset)]));
}

/** Drops the notes: no account waits any more. */
export async function forgetCloses(store: PartitionStore): Promise<void> {
  await store.run(
    `DELETE FROM closed_window
     WHERE generation=${store.generation} AND partition_id=${store.partition}`,
  );
}
