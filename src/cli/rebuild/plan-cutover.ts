import { checkFeed, nextOffsets } from '../../aggregate/check-feed.ts';
import { AppError } from '../../platform/errors.ts';
import { pause } from '../../platform/lifecycle.ts';
import type { EventLog } from '../../platform/log/log.ts';
import type { MysqlTarget, RowDataPacket } from '../../platform/mysql.ts';
import { quoteName } from '../../platform/mysql.ts';
import { checkCutover } from '../../sink/check-cutover.ts';
import { loadGeneration } from '../../sink/generation.ts';
import { planCutover } from '../../sink/plan-cutover.ts';
import type { CutoverCounts } from '../../sink/plan-cutover.ts';
import { Session } from '../../sink/session.ts';
import { storeTables } from '../../sink/store-tables.ts';
import { cutoverPair, isBehind } from './request-cutover.ts';
import type { CutoverCall } from './request-cutover.ts';

export interface CutoverLook extends Pick<
  CutoverCall,
  'kind' | 'name' | 'pool' | 'schema' | 'waitMs'
> {
  readonly target: MysqlTarget;
  readonly log: EventLog;
  readonly cloudUsageSchema: string;
  readonly signal: AbortSignal;
}

export interface CutoverPlan extends CutoverCounts {
  readonly from: string;
  readonly to: string;
  /** It would be folded further first, so that these counts are of what it has closed by now. */
  readonly isBehind: boolean;
}

/**
 * What a cutover would change; refuses what the command, and the sink that answers it, would. Two things only the
 * sink knows: whether its user has the rights, and whether it runs in shadow mode.
 *
 * @throws CUTOVER_REFUSED, GENERATION_MISSING, LOG_OFFSET_MISSING
 */
export async function lookAtCutover(look: CutoverLook): Promise<CutoverPlan> {
  const { pool, schema, target, log, signal } = look;
  const t = storeTables(schema, look.cloudUsageSchema);
  await using work = await Session.open(target, 10, signal);
  const { from, to } = await checkPair(look, work);
  const behind = await isBehind(pool, schema, from.id, to.id);
  if (behind)
    await checkFeed(log, to.feedTopic, await nextOffsets(pool, schema, { generation: to.id }));
  await refuseNoSink(look);
  const counts = await planCutover(work, t, from.id, to.id);
  return { from: from.name, to: to.name, isBehind: behind, ...counts };
}

/**
 * The generations of a cutover, once nothing speaks against it but that one may be behind.
 * @throws CUTOVER_REFUSED, GENERATION_MISSING
 */
export async function checkPair(look: Omit<CutoverLook, 'log' | 'waitMs'>, work: Session) {
  const { from, to } = await cutoverPair(look);
  const t = storeTables(look.schema, look.cloudUsageSchema);
  const { name, feedPartitions } = from;
  const generation = await loadGeneration(work, t, { name, feedPartitions }, true);
  if (!generation) throw new AppError('GENERATION_MISSING', { generation: name });
  await checkCutover({ work, t, generation, isDry: true }, { from: from.id, to: to.id });
  return { from, to };
}

/** A sink that has just changed its generation leads again within a moment. */
const patienceMs = 5000;

/** @throws CUTOVER_REFUSED: nobody would answer */
async function refuseNoSink({ pool, schema, waitMs, signal }: CutoverLook): Promise<void> {
  const endMs = performance.now() + Math.min(waitMs, patienceMs);
  do {
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT owner FROM ${quoteName(schema, 'lease')}
       WHERE name = 'sink' AND expires_at > UTC_TIMESTAMP(3)`,
    );
    if (rows.length > 0) return;
    await pause(200, signal);
  } while (performance.now() < endMs && !signal.aborted);
  throw new AppError('CUTOVER_REFUSED', {
    reason: 'no sink leads, so nobody would answer: start one in mode primary',
  });
}
