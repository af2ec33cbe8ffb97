import { hostname, userInfo } from 'node:os';
import { requireGeneration, readLive } from '../../aggregate/made-generation.ts';
import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import { rebuild } from '../../aggregate/rebuild.ts';
import type { RebuildIo, RebuildProgress } from '../../aggregate/rebuild.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { AppError, isAppError } from '../../platform/errors.ts';
import { pause } from '../../platform/lifecycle.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';

export interface CutoverCall {
  readonly kind: 'cutover' | 'rollback';
  /** null: what was live before, for a rollback. */
  readonly name: string | null;
  readonly pool: Pool;
  readonly schema: string;
  readonly io: RebuildIo;
  /** How long a sink has to answer, ms. */
  readonly waitMs: number;
  readonly onProgress: (progress: RebuildProgress) => void;
}

export interface CutoverAnswer {
  readonly from: string;
  readonly to: string;
  /** What the sink says: counts of rows. */
  readonly answer: Readonly<Record<string, unknown>>;
}

/** The generations of a request. @throws GENERATION_MISSING, CUTOVER_REFUSED */
export async function cutoverPair({
  kind,
  name,
  pool,
  schema,
}: Pick<CutoverCall, 'kind' | 'name' | 'pool' | 'schema'>): Promise<{
  from: MadeGeneration;
  to: MadeGeneration;
}> {
  const from = await readLive(pool, schema);
  if (!from) throw new AppError('GENERATION_MISSING', { state: 'live' });
  const to = await requireGeneration(pool, schema, name ?? (await former(pool, schema, from.id)));
  if (to.id === from.id)
    throw new AppError('CUTOVER_REFUSED', {
      kind,
      reason: 'it is live already',
      generation: to.name,
    });
  return { from, to };
}

/** What was live before the newest cutover. */
async function former(pool: Pool, schema: string, live: number): Promise<string> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT g.name FROM ${quoteName(schema, 'cutover')} c
     JOIN ${quoteName(schema, 'generation')} g ON g.id = c.from_generation
     WHERE c.to_generation = ? AND c.state = 'done' ORDER BY c.id DESC LIMIT 1`,
    [live],
  );
  const name: unknown = rows[0]?.['name'];
  if (typeof name !== 'string')
    throw new AppError('CUTOVER_REFUSED', { reason: 'no cutover made the live generation live' });
  return name;
}

/**
 * Brings a generation up to the published windows, then leaves the sink a request to make it live and waits
 * for the answer. When windows were published meanwhile, it is brought further and the sink asked again. A
 * request that nobody answers in time is taken back; when this process is killed it stays, and the sink
 * answers it.
 *
 * @throws CUTOVER_REFUSED, GENERATION_MISSING, and as {@link rebuild}
 */
export async function requestCutover(call: CutoverCall): Promise<CutoverAnswer> {
  const { kind, pool, schema, io } = call;
  for (let attempt = 1; ; attempt++) {
    const { from, to } = await cutoverPair(call);
    await untilCaughtUp(call, from, to);
    const [made] = await pool.query(
      `INSERT INTO ${quoteName(schema, 'cutover')} (kind, from_generation, to_generation, requested_by)
       VALUES (?, ?, ?, ?)`,
      [kind, from.id, to.id, `${userInfo().username}@${hostname()}`.slice(0, 128)],
    );
    crashPoint('cutover.requested');
    const { state, answer } = await untilAnswered(call, (made as { insertId: number }).insertId);
    if (state === 'done') return { from: from.name, to: to.name, answer };
    const isTooEarly = String(answer['reason']).startsWith('it has not closed');
    if (!isTooEarly || attempt === 5 || io.signal.aborted)
      throw new AppError('CUTOVER_REFUSED', { generation: to.name, ...answer });
  }
}

/** @throws CUTOVER_REFUSED when nothing moves on for as long as a sink has to answer */
async function untilCaughtUp(call: CutoverCall, from: MadeGeneration, to: MadeGeneration) {
  const { kind, pool, schema, io, waitMs } = call;
  let place = '';
  let sinceMs = performance.now();
  while (!io.signal.aborted && (await isBehind(pool, schema, from.id, to.id))) {
    await bringFurther(call, to);
    const [[row]] = await pool.query<RowDataPacket[]>(
      `SELECT CONCAT_WS(' ', SUM(next_offset), MIN(closed_until_ms)) AS place
       FROM ${quoteName(schema, 'progress')} WHERE generation = ?`,
      [to.id],
    );
    if (row?.['place'] !== place) {
      place = String(row?.['place']);
      sinceMs = performance.now();
    } else if (performance.now() - sinceMs > waitMs)
      throw new AppError('CUTOVER_REFUSED', {
        ...{ kind, generation: to.name },
        reason:
          'it has not closed all that is published, and the feed has no more to fold: is the tail running?',
      });
  }
}

/** Folds on; where a worker has the generation, that one does, and is waited for. */
async function bringFurther({ schema, io, onProgress }: CutoverCall, to: MadeGeneration) {
  try {
    await rebuild({ schema, generation: to }, { ...io, onProgress });
  } catch (error) {
    if (!isAppError(error, 'SINK_FENCED')) throw error;
  }
  await pause(500, io.signal);
}

/** Whether a generation has yet to close windows that another has published. */
export async function isBehind(
  pool: Pool,
  schema: string,
  from: number,
  to: number,
): Promise<boolean> {
  const [[row]] = await pool.query<RowDataPacket[]>(
    `SELECT (SELECT MAX(window_end_ms) FROM ${quoteName(schema, 'published_window')} WHERE generation = ?)
       > (SELECT COALESCE(MIN(COALESCE(closed_until_ms, 0)), 0) FROM ${quoteName(schema, 'progress')}
          WHERE generation = ?) AS behind`,
    [from, to],
  );
  return Number(row?.['behind'] ?? 0) === 1;
}

async function untilAnswered({ pool, schema, io, waitMs }: CutoverCall, id: number) {
  const table = quoteName(schema, 'cutover');
  const endMs = performance.now() + waitMs;
  for (;;) {
    const [[row]] = await pool.query<RowDataPacket[]>(
      `SELECT state, answer FROM ${table} WHERE id = ?`,
      [id],
    );
    if (row && row['state'] !== 'requested')
      return {
        state: String(row['state']),
        answer: JSON.parse(String(row['answer'])) as Record<string, unknown>,
      };
    if (performance.now() > endMs || io.signal.aborted) {
      // Who answers at this instant has the row locked, and wins.
      const [gone] = await pool.query(`DELETE FROM ${table} WHERE id = ? AND state = 'requested'`, [
        id,
      ]);
      if ((gone as { affectedRows: number }).affectedRows === 1)
        throw new AppError('CUTOVER_REFUSED', {
          reason: 'no sink answered in time: is one leading? The request was taken back',
          waitMs,
        });
      continue;
    }
    await pause(200, io.signal);
  }
}
