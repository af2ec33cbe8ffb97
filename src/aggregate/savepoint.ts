import type { PoolConnection, ResultSetHeader } from 'mysql2/promise';
import type { EpochMs } from '../contracts/time.ts';
import { quirkSet } from '../domain/quirks.ts';
import { isSameSpec, windowOf } from '../domain/window.ts';
import { AppError } from '../platform/errors.ts';
import { inTransaction } from '../platform/in-transaction.ts';
import { mysqlCode, quoteName } from '../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import type { MadeGeneration } from './made-generation.ts';
import { writeSavepointIntervals } from './savepoint-intervals.ts';

export interface Savepoint {
  readonly id: number;
  readonly name: string;
  readonly generation: string;
  /** End of the window after which the states were copied. */
  readonly closedUntilMs: EpochMs;
  readonly accounts: number;
  readonly createdAt: string;
}

const progressColumns =
  'partition_id, next_offset, watermark_ms, opened_ms, closed_until_ms, closed_offset';
const stateColumns = 'account_id, partition_id, state, folded_until_ms, incomplete_from_ms';
const factColumns = 'account_id, kind, fact_id, partition_id, feed_offset, present, body';

/**
 * Copies what a generation holds beside its events and rows, which only grow: states, facts and offsets, in
 * one transaction that holds up the workers while it runs.
 *
 * @throws SAVEPOINT_NOT_CLOSED while partitions stand at different windows; SAVEPOINT_EXISTS when the name
 *   is taken
 */
export async function createSavepoint(
  pool: Pool,
  schema: string,
  name: string,
  generation: MadeGeneration,
): Promise<EpochMs> {
  const q = (table: string) => quoteName(schema, table);
  return readCommitted(pool, async (connection) => {
    const until = await closedUntil(connection, schema, generation, 'FOR UPDATE');
    const made = await connection
      .query<ResultSetHeader>(
        `INSERT INTO ${q('savepoint')} (name, generation, closed_until_ms) VALUES (?, ?, ?)`,
        [name, generation.id, until],
      )
      .catch((error: unknown) => {
        if (mysqlCode(error) !== 'ER_DUP_ENTRY') throw error;
        throw taken(name);
      });
    const id = made[0].insertId;
    for (const [from, to, columns] of [
      ['progress', 'savepoint_progress', progressColumns],
      ['account_state', 'savepoint_state', stateColumns],
      ['fact', 'savepoint_fact', factColumns],
    ] as const)
      await connection.query(
        `INSERT INTO ${q(to)} (savepoint, ${columns}) SELECT ?, ${columns} FROM ${q(from)} WHERE generation = ?`,
        [id, generation.id],
      );
    return until;
  });
}

/** Looks only: what {@link createSavepoint} would refuse. @returns the end of the window that it would be of */
export async function checkSavepoint(
  pool: Pool,
  schema: string,
  name: string,
  generation: MadeGeneration,
): Promise<EpochMs> {
  const until = await closedUntil(pool, schema, generation, '');
  if ((await listSavepoints(pool, schema)).some((one) => one.name === name)) throw taken(name);
  return until;
}

const taken = (name: string) => new AppError('SAVEPOINT_EXISTS', { name });

/** The window that all partitions have closed last. @throws SAVEPOINT_NOT_CLOSED */
async function closedUntil(
  db: Pool | PoolConnection,
  schema: string,
  generation: MadeGeneration,
  lock: '' | 'FOR UPDATE',
): Promise<EpochMs> {
  const [rows] = await db.query<RowDataPacket[]>(
    `SELECT closed_until_ms FROM ${quoteName(schema, 'progress')} WHERE generation = ? ${lock}`,
    [generation.id],
  );
  const closed = new Set(rows.map((row) => row['closed_until_ms'] as string | null));
  const [until] = closed;
  if (closed.size === 1 && until != null) return Number(until);
  throw new AppError('SAVEPOINT_NOT_CLOSED', {
    generation: generation.name,
    closedUntil: [...closed].map((ms) => (ms === null ? null : new Date(Number(ms)))),
  });
}

export async function listSavepoints(pool: Pool, schema: string): Promise<Savepoint[]> {
  const q = (table: string) => quoteName(schema, table);
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT s.id, s.name, g.name AS generation, s.closed_until_ms, s.created_at,
       (SELECT COUNT(*) FROM ${q('savepoint_state')} a WHERE a.savepoint = s.id) AS accounts
     FROM ${q('savepoint')} s JOIN ${q('generation')} g ON g.id = s.generation ORDER BY s.id`,
  );
  return rows.map((row) => ({
    id: Number(row['id']),
    name: String(row['name']),
    generation: String(row['generation']),
    closedUntilMs: Number(row['closed_until_ms']),
    accounts: Number(row['accounts']),
    createdAt: `${String(row['created_at'])} GMT`,
  }));
}

/** @throws SAVEPOINT_UNKNOWN */
export async function requireSavepoint(
  pool: Pool,
  schema: string,
  name: string,
): Promise<Savepoint> {
  const found = (await listSavepoints(pool, schema)).find((one) => one.name === name);
  if (!found) throw new AppError('SAVEPOINT_UNKNOWN', { name });
  return found;
}

/** @throws SAVEPOINT_UNKNOWN */
export async function dropSavepoint(pool: Pool, schema: string, name: string): Promise<void> {
  const { id } = await requireSavepoint(pool, schema, name);
  await readCommitted(pool, async (connection) => {
    for (const table of ['savepoint_progress', 'savepoint_state', 'savepoint_fact'])
      await connection.query(`DELETE FROM ${quoteName(schema, table)} WHERE savepoint = ?`, [id]);
    await connection.query(`DELETE FROM ${quoteName(schema, 'savepoint')} WHERE id = ?`, [id]);
  });
}

/** Of what a generation held by then: columns to copy, and which rows. `s` is the partition's progress. */
const copied = [
  {
    table: 'event',
    columns:
      'account_id, created_ms, event_id, incarnation, partition_id, feed_offset, late, content_hash, body',
    where: 'x.feed_offset < s.next_offset',
  },
  {
    table: 'dead_letter',
    columns:
      'partition_id, feed_offset, reason, account_id, facts, record_key, record_value, recorded_at, relayed',
    where: 'x.feed_offset < s.next_offset',
  },
  {
    table: 'record',
    columns: `window_start_ms, account_id, record_id, window_end_ms, partition_id, kind, usage_type, natural_key,
      revision, quantity, zone_id, domain_id, description, usage_display, raw_usage, vm_instance_id, vm_name,
      offering_id, template_id, usage_id, type, size, network_id, virtual_size, cpu_speed, cpu_cores, memory,
      is_hidden, state, start_date, end_date, lineage, cloud_usage_id`,
    where: 'x.window_end_ms <= s.closed_until_ms',
  },
  {
    table: 'correction',
    columns: `account_id, window_start_ms, correction_id, window_end_ms, partition_id, usage_type, natural_key,
      record_id, old_quantity, new_quantity, delta, reason, event_ids, action, appended_record_id,
      made_start_ms, made_end_ms, revision, changes, state, state_reason, amend_to, amended_id,
      amended_from, amended_into, amended_at`,
    where: 'x.made_end_ms <= s.closed_until_ms',
  },
  {
    // Of accounts that wait for a repair.
    table: 'closed_window',
    columns: 'partition_id, window_start_ms, next_offset',
    where: 'x.window_start_ms < s.closed_until_ms',
  },
] as const;

/**
 * Gives a new generation all that the savepoint's generation held by then, so that it goes on from there:
 * what stands before keeps the old rules. One transaction: a generation that was given nothing is given it
 * by the next call.
 *
 * @throws GENERATION_MISMATCH when its feed or windows are others
 */
export async function restoreSavepoint(
  pool: Pool,
  schema: string,
  savepoint: Savepoint,
  from: MadeGeneration,
  to: MadeGeneration,
): Promise<void> {
  const q = (table: string) => quoteName(schema, table);
  refuseOtherFeed(from, to);
  await readCommitted(pool, async (connection) => {
    const [progress] = await connection.query<RowDataPacket[]>(
      `SELECT next_offset FROM ${q('progress')} WHERE generation = ? FOR UPDATE`,
      [to.id],
    );
    // It has begun: it goes on from where it is.
    if (progress.some((row) => Number(row['next_offset']) > 0)) return;
    for (const { table, columns, where } of copied) {
      const names = columns.split(',').map((name) => name.trim());
      await connection.query(
        `INSERT INTO ${q(table)} (generation, ${names.join(', ')})
         SELECT ?, ${names.map((name) => `x.${name}`).join(', ')}
         FROM ${q(table)} x JOIN ${q('savepoint_progress')} s ON s.savepoint = ? AND s.partition_id = x.partition_id
         WHERE x.generation = ? AND ${where}`,
        [to.id, savepoint.id, from.id],
      );
    }
    await connection.query(
      `INSERT INTO ${q('event_detail')} (generation, account_id, event_id, incarnation, detail_id, feed_offset, name, value)
       SELECT ?, d.account_id, d.event_id, d.incarnation, d.detail_id, d.feed_offset, d.name, d.value
       FROM ${q('event_detail')} d
       JOIN ${q('savepoint_state')} a ON a.savepoint = ? AND a.account_id = d.account_id
       JOIN ${q('savepoint_progress')} s ON s.savepoint = a.savepoint AND s.partition_id = a.partition_id
       WHERE d.generation = ? AND d.feed_offset < s.next_offset`,
      [to.id, savepoint.id, from.id],
    );
    await connection.query(
      `INSERT INTO ${q('late_event')} (generation, account_id, feed_offset, created_ms, event_id, incarnation)
       SELECT ?, e.account_id, e.feed_offset, e.created_ms, e.event_id, e.incarnation
       FROM ${q('event')} e JOIN ${q('savepoint_progress')} s ON s.savepoint = ? AND s.partition_id = e.partition_id
       WHERE e.generation = ? AND e.late = 1 AND e.feed_offset >= s.closed_offset AND e.feed_offset < s.next_offset`,
      [to.id, savepoint.id, from.id],
    );
    // What the sink noted of its tables is of the rows that it published. A setting that has no effect is noted
    // when it comes, which is in the window after the closed one.
    await connection.query(
      `INSERT INTO ${q('anomaly')} (generation, account_id, event_id, code, window_start_ms, facts)
       SELECT ?, account_id, event_id, code, window_start_ms, facts FROM ${q('anomaly')}
       WHERE generation = ? AND code <> 'HELPER_ROW_SKIPPED'
         AND window_start_ms < ? + (code = 'SETTING_NOT_APPLIED')`,
      [to.id, from.id, savepoint.closedUntilMs],
    );
    await writeSavepointIntervals(connection, schema, {
      ...{ savepoint: savepoint.id, generation: to.id },
      window: windowOf(savepoint.closedUntilMs - 1, from.window),
      quirks: quirkSet(from.preset, from.quirkOverrides),
    });
    for (const [source, target, columns] of [
      ['savepoint_state', 'account_state', stateColumns],
      ['savepoint_fact', 'fact', factColumns],
    ] as const)
      await connection.query(
        `INSERT INTO ${q(target)} (generation, ${columns}) SELECT ?, ${columns} FROM ${q(source)} WHERE savepoint = ?`,
        [to.id, savepoint.id],
      );
    const set = progressColumns
      .split(', ')
      .slice(1)
      .map((name) => `p.${name} = s.${name}`);
    await connection.query(
      `UPDATE ${q('progress')} p JOIN ${q('savepoint_progress')} s
         ON s.savepoint = ? AND s.partition_id = p.partition_id
       SET p.epoch = p.epoch + 1, ${set.join(', ')} WHERE p.generation = ?`,
      [savepoint.id, to.id],
    );
  });
}

type FeedRules = Pick<MadeGeneration, 'feedTopic' | 'feedPartitions' | 'window' | 'closeDelayMs'>;

/** A savepoint begins generations of its own feed and windows. @throws GENERATION_MISMATCH */
export function refuseOtherFeed(from: FeedRules, to: FeedRules): void {
  const facts = ({ feedTopic, feedPartitions, closeDelayMs }: FeedRules) =>
    JSON.stringify([feedTopic, feedPartitions, closeDelayMs]);
  if (facts(from) === facts(to) && isSameSpec(from.window, to.window)) return;
  throw new AppError('GENERATION_MISMATCH', {
    ...{ from: facts(from), windows: from.window },
    ...{ to: facts(to), otherWindows: to.window },
  });
}

const readCommitted = <T>(pool: Pool, work: (connection: PoolConnection) => Promise<T>) =>
  inTransaction(pool, work, 'READ COMMITTED');
