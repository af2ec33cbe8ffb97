import { setTimeout as sleep } from 'node:timers/promises';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { StageProcess } from '../../src/cli/demo/stage-process.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';

const hangsAfterMs = 300_000;

/** Resolves when the window that ends then is published. @throws when a process ends before, or all hang */
export async function whenPublished(
  { pool, names }: Pipeline,
  untilMs: EpochMs,
  stages: readonly StageProcess[],
): Promise<void> {
  const endMs = performance.now() + hangsAfterMs;
  const sql = `SELECT MAX(window_end_ms) AS ms FROM ${quoteName(names.schema, 'published_window')}`;
  for (;;) {
    for (const one of stages)
      if (one.ended() !== undefined) throw new Error(`${one.name} ended:\n${one.tail()}`);
    // A connection from before the kill.
    const [rows] = await pool.query<RowDataPacket[]>(sql).catch(() => [[]]);
    if (Number(rows[0]?.['ms'] ?? 0) >= untilMs) return;
    if (performance.now() > endMs) throw new Error(`not up to date after ${hangsAfterMs} ms`);
    await sleep(20);
  }
}
