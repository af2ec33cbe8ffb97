import { crashPoint } from '../platform/crash-points.ts';
import { AppError, isAppError } from '../platform/errors.ts';
import { checkCutover } from './check-cutover.ts';
import { correctCharged } from './correct-charged.ts';
import { applyDifference, takeIds } from './apply-difference.ts';
import { pairRows, pairValues } from './cutover-sql.ts';
import { enterFence } from './lease.ts';
import { noteChanges } from './note-changes.ts';
import { planCutover } from './plan-cutover.ts';
import type { CutoverCounts } from './plan-cutover.ts';
import type { PublishContext } from './publish-window.ts';
import { switchHelpers } from './switch-helpers.ts';

interface CutoverRequest {
  readonly id: string;
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Answers the oldest request to make another generation live. All of it is one transaction under the
 * sink's fence, with the answer in it: whoever is killed leaves either nothing or everything, and the next
 * leader finds the request open or answered. A request that cannot be done is answered with the reason.
 *
 * @returns whether another generation is live now; null when there is no request
 * @throws SINK_FENCED, STORE_UNREACHABLE, STORE_BUSY: the request stays
 */
export async function answerCutover(context: PublishContext): Promise<boolean | null> {
  const { work, t } = context;
  const row = await work.row(
    `SELECT id, kind, from_generation, to_generation FROM ${t.cutover}
     WHERE state = 'requested' ORDER BY id LIMIT 1`,
  );
  if (!row) return null;
  const request: CutoverRequest = {
    id: String(row['id']),
    kind: String(row['kind']),
    from: Number(row['from_generation']),
    to: Number(row['to_generation']),
  };
  try {
    const isDone = await work.transaction(async () => {
      await enterFence(work, t, context.lease);
      const open = await work.row(
        `SELECT id FROM ${t.cutover} WHERE id = ? AND state = 'requested' FOR UPDATE`,
        [request.id],
      );
      if (!open) return false;
      const counts = await cutOver(context, request);
      await answer(context, request, 'done', counts);
      crashPoint('cutover.before-commit');
      return true;
    });
    crashPoint('cutover.after-commit');
    return isDone;
  } catch (error) {
    const isOurs = isAppError(error, 'CUTOVER_REFUSED') || isAppError(error, 'STORE_ACCESS_DENIED');
    if (!isOurs) throw error;
    await work.transaction(async () => {
      await enterFence(work, t, context.lease);
      await answer(context, request, 'refused', { ...error.facts, code: error.code });
    });
    return false;
  }
}

async function answer(
  { work, t }: PublishContext,
  { id }: CutoverRequest,
  state: 'done' | 'refused',
  facts: object,
): Promise<void> {
  await work.run(
    `UPDATE ${t.cutover} SET state = ?, answer = ?, answered_at = UTC_TIMESTAMP(3)
     WHERE id = ? AND state = 'requested'`,
    [state, JSON.stringify(facts), id],
  );
}

/** Makes the other generation the published one, inside the caller's transaction. */
async function cutOver(context: PublishContext, request: CutoverRequest): Promise<CutoverCounts> {
  const { work, t, target } = context;
  const to = await checkCutover(context, request);
  const pair = { from: request.from, to: to.id };
  await work.run(`DELETE FROM ${t.cutoverCharged}`);
  await work.run(`DELETE FROM ${t.cutoverPair}`);
  const counts = await planCutover(work, t, pair.from, pair.to);
  if (counts.windows > 0 && target.mode === 'shadow')
    throw new AppError('CUTOVER_REFUSED', {
      reason: 'rows are published, but this sink runs in shadow mode',
    });
  if (target.mode === 'primary' && counts.windows > 0) {
    await work.run(
      `INSERT INTO ${t.cutoverPair} (window_start_ms, account_id, from_record, to_record, to_key)
       ${pairRows(t)}`,
      pairValues(pair.from, pair.to),
    );
    await correctCharged(context, pair, to);
    await takeIds(context, pair);
    crashPoint('cutover.ids-taken');
    await noteChanges(context, pair);
    await applyDifference(context, target.columns, pair);
    crashPoint('cutover.rows-applied');
    if (target.helperTables) await switchHelpers(context, pair);
  }
  await work.run(
    `INSERT INTO ${t.publishedWindow}
       (generation, window_start_ms, window_end_ms, published_at, mode, row_count, usage_job_id)
     SELECT ?, p.window_start_ms, p.window_end_ms, p.published_at, p.mode,
       (SELECT COUNT(*) FROM ${t.record} r WHERE r.generation = ? AND r.window_start_ms = p.window_start_ms),
       p.usage_job_id
     FROM ${t.publishedWindow} p WHERE p.generation = ?
     ON DUPLICATE KEY UPDATE mode = VALUES(mode), row_count = VALUES(row_count),
       usage_job_id = VALUES(usage_job_id)`,
    [to.id, to.id, pair.from],
  );
  await work.run(`UPDATE ${t.outbox} SET generation = ? WHERE generation = ?`, [to.id, pair.from]);
  await work.run(`UPDATE ${t.generation} SET state = 'retired' WHERE id = ?`, [pair.from]);
  await work.run(`UPDATE ${t.generation} SET state = 'live' WHERE id = ?`, [to.id]);
  await work.run(`DELETE FROM ${t.succession} WHERE generation IN (?, ?)`, [pair.from, to.id]);
  await work.run(`INSERT INTO ${t.succession} (generation, superseded_by) VALUES (?, ?)`, [
    pair.from,
    to.id,
  ]);
  return counts;
}
