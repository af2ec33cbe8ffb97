import type { Window } from '../contracts/time.ts';
import type { Clock } from '../platform/clock.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { AppError } from '../platform/errors.ts';
import type { CopyColumns } from './cloud-usage-columns.ts';
import { amendRows } from './amend-rows.ts';
import type { AmendCounts } from './amend-rows.ts';
import { copyRows, countRows } from './copy-rows.ts';
import type { WindowRows } from './copy-rows.ts';
import type { Generation } from './generation.ts';
import { enterFence, rememberLastId } from './lease.ts';
import type { Lease } from './lease.ts';
import { noteSharedVms } from './note-shared-vms.ts';
import { refuseHandedBack } from './refuse-handed-back.ts';
import type { Session } from './session.ts';
import type { SinkMode } from './sink-options.ts';
import type { StoreTables } from './store-tables.ts';
import { forgetChanges, writeHelpers } from './write-helpers.ts';
import type { HelperCounts } from './write-helpers.ts';
import { finishJobs, isBilled } from './usage-job.ts';
import type { JobOwner } from './usage-job.ts';

export interface PublishContext {
  /** The connection that the lease names. */
  readonly work: Session;
  readonly t: StoreTables;
  readonly lease: Lease;
  readonly generation: Generation;
  readonly cloudUsageSchema: string;
  /** `primary` with the columns to copy, or `shadow`, which touches no table of CloudStack. */
  readonly target:
    | {
        mode: 'primary';
        columns: CopyColumns;
        job: JobOwner;
        helperTables: boolean;
        /** Whether published rows may be changed, under the conditions of amendRows. */
        mayAmend: boolean;
      }
    | { mode: 'shadow' };
  readonly outbox: boolean;
  readonly clock: Clock;
}

export interface PublishedWindow {
  readonly mode: SinkMode;
  readonly rows: WindowRows;
  readonly helpers: HelperCounts;
  readonly amends: AmendCounts;
  /** Machines that were open under two accounts at once. */
  readonly sharedVms: number;
}

/**
 * Publishes one window whole, in one transaction, or nothing of it: the rows of every account, the
 * `usage_job` row, the tables that a Java usage server needs to go on, our own note that it is published, the outbox entry, the last id.
 * A window that is published already is left alone; so is every row that has its id.
 *
 * @param window Closed by every partition of the generation, and next in the order of windows.
 * @returns null when it was published before (also by a commit whose outcome was unknown)
 * @throws SINK_FENCED, SINK_HANDED_BACK, SINK_WINDOW_BILLED, SINK_COPY_MISMATCH, GENERATION_MISMATCH, STORE_*
 */
export function publishWindow(
  context: PublishContext,
  window: Window,
): Promise<PublishedWindow | null> {
  const { work, t, lease, generation, target } = context;
  const startedMs = performance.now();
  return work.transaction(async () => {
    await enterFence(work, t, lease);
    crashPoint('sink.after-fence');
    const done = await work.row(
      `SELECT 1 FROM ${t.publishedWindow} WHERE generation = ? AND window_start_ms >= ? LIMIT 1`,
      [generation.id, window.startMs],
    );
    if (done) return null;
    const isReduced = target.mode === 'primary' ? target.columns.isReduced : 'FALSE';
    // First: what is refused is a row of this window.
    const amends = await amendRows(context, window);
    const rows = await countRows(work, t, generation.id, window, isReduced);
    let jobId: string | null = null;
    let helpers: HelperCounts = new Map();
    if (target.mode === 'primary') {
      await refuseHandedBack(work, t, generation);
      const billed = await isBilled(work, t, window);
      if (billed && rows.pending > 0) throw new AppError('SINK_WINDOW_BILLED', { window, rows });
      if (rows.pending > 0) {
        const slice = { generation: generation.id, window, rows };
        const lastId = await copyRows(work, t, target.columns, context.cloudUsageSchema, slice);
        await rememberLastId(work, t, lease, lastId);
        crashPoint('sink.rows-copied');
      }
      helpers = await publishHelpers(context, window, !billed);
      crashPoint('sink.helpers-written');
      await noteInOutbox(context, window);
      // Last: the heartbeat waits for its row.
      const tookMs = Math.round(performance.now() - startedMs);
      if (!billed) jobId = await finishJobs(work, t, target.job, window, tookMs);
    } else {
      await publishHelpers(context, window, false);
      await noteInOutbox(context, window);
    }
    await work.run(
      `INSERT INTO ${t.publishedWindow}
         (generation, window_start_ms, window_end_ms, mode, row_count, usage_job_id)
       VALUES (?, ?, ?, ?, ?, ?)`,
      [generation.id, window.startMs, window.endMs, target.mode, rows.rows, jobId],
    );
    const sharedVms = await noteSharedVms(context, window);
    crashPoint('sink.before-publish-commit');
    return { mode: target.mode, rows, helpers, amends, sharedVms };
  });
}

/** What is not published is forgotten, so that it does not pile up; who billed a window has its helper rows. */
export async function publishHelpers(
  context: PublishContext,
  window: Window,
  isOurs: boolean,
): Promise<HelperCounts> {
  const { work, t, target, cloudUsageSchema, generation } = context;
  const helpers = { work, t, cloudUsageSchema, generation: generation.id };
  if (isOurs && target.mode === 'primary' && target.helperTables)
    return writeHelpers(helpers, window);
  await forgetChanges(helpers, window);
  return new Map();
}

/** Leaves the window for the topics, in the open transaction. */
export async function noteInOutbox(
  { work, t, generation, outbox }: PublishContext,
  window: Window,
): Promise<void> {
  if (!outbox) return;
  await work.run(
    `INSERT INTO ${t.outbox} (generation, kind, window_start_ms) VALUES (?, 'window', ?)`,
    [generation.id, window.startMs],
  );
  // After the window, which has the appended rows.
  await work.run(
    `INSERT INTO ${t.outbox} (generation, kind, window_start_ms)
     SELECT generation, 'correction', made_start_ms FROM ${t.correction}
     WHERE generation = ? AND made_start_ms = ? LIMIT 1`,
    [generation.id, window.startMs],
  );
}
