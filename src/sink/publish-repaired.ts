import type { Window } from '../contracts/time.ts';
import { amendRows } from './amend-rows.ts';
import type { AmendCounts } from './amend-rows.ts';
import { copyRows, countRows } from './copy-rows.ts';
import type { WindowRows } from './copy-rows.ts';
import { enterFence, rememberLastId } from './lease.ts';
import { noteSharedVms } from './note-shared-vms.ts';
import { noteInOutbox, publishHelpers } from './publish-window.ts';
import type { PublishContext } from './publish-window.ts';
import type { HelperCounts } from './write-helpers.ts';

export interface RepairedWindow {
  readonly window: Window;
  /** All of the window; `pending` of them are new. */
  readonly rows: WindowRows;
  readonly helpers: HelperCounts;
  readonly amends: AmendCounts;
  readonly sharedVms: number;
}

/**
 * Publishes the rows of the oldest published window that got more by a repair: those of accounts whose fold
 * had thrown, and which waited as a whole, so that each account's windows are still published in ascending
 * order, with all that the window's own publication would have written of them beside: helper tables, copies of
 * events, accounts and statistics. Rows that stand are left alone; `usage_job` is not touched, for the window
 * is in it already.
 *
 * @returns null when there is none
 * @throws SINK_FENCED, SINK_COPY_MISMATCH, GENERATION_MISMATCH, STORE_*
 */
export async function publishRepaired(context: PublishContext): Promise<RepairedWindow | null> {
  const { work, t, lease, generation, target } = context;
  const waiting = `SELECT p.window_start_ms, p.window_end_ms, p.mode, p.usage_job_id FROM ${t.repairedWindow} r
     JOIN ${t.publishedWindow} p
       ON p.generation = r.generation AND p.window_start_ms = r.window_start_ms
     WHERE r.generation = ? ORDER BY r.window_start_ms LIMIT 1`;
  if ((await work.row(waiting, [generation.id])) === undefined) return null;
  return work.transaction(async () => {
    await enterFence(work, t, lease);
    const next = await work.row(waiting, [generation.id]);
    if (!next) return null;
    const startMs = Number(next['window_start_ms']);
    const window = { startMs, endMs: Number(next['window_end_ms']) };
    const isPrimary = target.mode === 'primary' && next['mode'] === 'primary';
    const isReduced = target.mode === 'primary' ? target.columns.isReduced : 'FALSE';
    // Before the rows are counted: who repairs more meanwhile enters the window again.
    await work.run(`DELETE FROM ${t.repairedWindow} WHERE generation = ? AND window_start_ms = ?`, [
      generation.id,
      startMs,
    ]);
    const amends = await amendRows(context, window);
    const rows = await countRows(work, t, generation.id, window, isReduced);
    if (isPrimary && rows.pending > 0) {
      const slice = { generation: generation.id, window, rows };
      const lastId = await copyRows(work, t, target.columns, context.cloudUsageSchema, slice);
      await rememberLastId(work, t, lease, lastId);
    }
    // A Java server that billed the window has its helper rows.
    const helpers = await publishHelpers(context, window, next['usage_job_id'] !== null);
    await noteInOutbox(context, window);
    await work.run(
      `UPDATE ${t.publishedWindow} SET row_count = ? WHERE generation = ? AND window_start_ms = ?`,
      [rows.rows, generation.id, startMs],
    );
    const sharedVms = await noteSharedVms(context, window);
    return { window, rows, helpers, amends, sharedVms };
  });
}
