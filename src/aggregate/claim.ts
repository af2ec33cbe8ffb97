import type { EpochMs } from '../contracts/time.ts';
import { defaultAnswerMs, limitAnswers } from '../platform/answer-limit.ts';
import { crashPoint } from '../platform/crash-points.ts';
import { AppError } from '../platform/errors.ts';
import { checkSchema } from '../platform/migrate.ts';
import { mysqlCode, openConnection } from '../platform/mysql.ts';
import type { Connection, MysqlTarget, RowDataPacket } from '../platform/mysql.ts';
import { isBusy, storeFault } from '../platform/store-fault.ts';
import { PartitionStore } from './store.ts';
import type { Progress } from './store.ts';

export interface ClaimOptions {
  readonly target: MysqlTarget;
  readonly schema: string;
  readonly generation: number;
  /** When the generation was made: a store that lost it may have given its id to another. */
  readonly madeAt: string;
  readonly partition: number;
  /** Who claims, for people and to tell owners apart: host and process, and what makes it unique; 128 characters. */
  readonly owner: string;
  /** null: take the partition over with a new epoch; else take up our own epoch on a new connection. */
  readonly epoch: number | null;
}

export interface Claim {
  readonly store: PartitionStore;
  readonly progress: Progress;
}

/** Seconds that a claim, or a unit, may wait for a row: a predecessor that was killed rolls back first. */
const lockWaitSeconds = 10;
/** A claim is short but for that wait, and nobody works on the partition meanwhile. */
const claimMs = 1.5 * 1000 * lockWaitSeconds;

/**
 * Makes this worker the owner of a partition, in one statement: a new epoch, our name and connection.
 * The predecessor's connection is killed first, as a frozen process would hold its locks for ever, and
 * a COMMIT of unknown outcome on it is then decided: what `progress` says is what happened.
 *
 * A store that lost commits gives epochs out again: which of them is ours, our name tells.
 *
 * @throws SINK_FENCED when our epoch is no longer the newest; GENERATION_CHANGED when the store has another
 *   generation of that id, or none; STORE_SCHEMA_NEWER after a migration by a newer build;
 *   STORE_UNREACHABLE, STORE_ACCESS_DENIED.
 */
export async function claimPartition(options: ClaimOptions): Promise<Claim> {
  const target = { answerMs: defaultAnswerMs, ...options.target, database: options.schema };
  const answerMs = Math.min(claimMs, target.answerMs);
  const connection = await openConnection({ ...target, answerMs }, 'STORE').catch(
    (error: unknown) => {
      throw storeFault(error, target);
    },
  );
  // An idle connection that dies tells so by an event; the next statement on it fails and says more.
  connection.on('error', () => undefined);
  try {
    const maxPacketBytes = await prepareSession(connection);
    // A newer build may have migrated since this process started.
    await checkSchema(connection, options.schema);
    await requireMade(connection, options);
    for (let attempt = 1; ; attempt++) {
      await killPredecessor(connection, options);
      try {
        const { epoch, progress } = await takeOver(connection, options);
        const { generation, partition } = options;
        limitAnswers(connection, target.answerMs);
        const store = new PartitionStore({
          connection,
          target,
          generation,
          partition,
          epoch,
          maxPacketBytes,
        });
        return { store, progress };
      } catch (error) {
        if (!isBusy(error) || attempt === 5) throw error;
      }
    }
  } catch (error) {
    connection.destroy();
    throw storeFault(error, target);
  }
}

/** READ COMMITTED: no gap locks between partitions. The sql_mode is what sql-text.ts relies on. */
async function prepareSession(connection: Connection): Promise<number> {
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  await connection.query(
    `SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone='+00:00',
       innodb_lock_wait_timeout=${lockWaitSeconds}`,
  );
  const [rows] = await connection.query<RowDataPacket[]>('SELECT @@max_allowed_packet AS bytes');
  return Number(rows[0]?.['bytes']);
}

/** Its rules are in our memory, and must be those of the tables. */
async function requireMade(connection: Connection, options: ClaimOptions): Promise<void> {
  const { generation, madeAt } = options;
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT created_at FROM generation WHERE id=?',
    [generation],
  );
  const found = (rows[0]?.['created_at'] ?? null) as string | null;
  if (found !== madeAt) throw new AppError('GENERATION_CHANGED', { generation, madeAt, found });
}

const where = ({ generation, partition }: ClaimOptions) =>
  `generation=${generation} AND partition_id=${partition}`;

/**
 * Kills the connection that `progress` names, if it is still one of ours: ids start again when the server
 * does, so only a connection of our user in our schema is touched. Those survive it: they reconnect.
 * Who takes up an epoch of its own touches no newer owner's.
 */
async function killPredecessor(connection: Connection, options: ClaimOptions): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT p.ID AS id FROM progress, information_schema.PROCESSLIST p
     WHERE ${where(options)} AND p.ID = connection_id AND p.ID <> CONNECTION_ID()
       AND (${options.epoch} IS NULL OR (epoch = ${options.epoch} AND owner = ?))
       AND p.USER = SUBSTRING_INDEX(USER(), '@', 1) AND p.DB = DATABASE()`,
    [options.owner],
  );
  const id = rows[0]?.['id'] as string | undefined;
  if (id === undefined) return;
  try {
    await connection.query(`KILL ${id}`);
  } catch (error) {
    if (mysqlCode(error) !== 'ER_NO_SUCH_THREAD') throw error;
  }
}

/**
 * One statement that commits by itself: who freezes after it is named in `progress` and can be killed, while
 * one frozen within a transaction would hold the row and be known to nobody.
 */
async function takeOver(
  connection: Connection,
  options: ClaimOptions,
): Promise<{ epoch: number; progress: Progress }> {
  const { partition, owner } = options;
  const set = 'UPDATE progress SET connection_id=CONNECTION_ID()';
  await (options.epoch === null
    ? connection.query(`${set}, epoch=epoch+1, owner=? WHERE ${where(options)}`, [owner])
    : connection.query(`${set} WHERE ${where(options)} AND epoch=${options.epoch} AND owner=?`, [
        owner,
      ]));
  crashPoint('aggregate.claimed');
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT epoch, connection_id=CONNECTION_ID() AND owner=? AS mine, next_offset, watermark_ms, opened_ms,
       closed_until_ms, closed_offset
     FROM progress WHERE ${where(options)}`,
    [owner],
  );
  const row = rows[0] as ProgressRow | undefined;
  if (!row) throw new AppError('GENERATION_MISMATCH', { partition });
  const epoch = Number(row.epoch);
  // Connection ids start again with each server, and epochs with what it has forgotten.
  if (Number(row.mine) !== 1 || (options.epoch !== null && epoch !== options.epoch))
    throw new AppError('SINK_FENCED', { partition, epoch: options.epoch, newest: epoch });
  return { epoch, progress: toProgress(row) };
}

interface ProgressRow {
  readonly epoch: string;
  readonly mine: string | number;
  readonly next_offset: string;
  readonly watermark_ms: string | null;
  readonly opened_ms: string | null;
  readonly closed_until_ms: string | null;
  readonly closed_offset: string;
}

const toProgress = (row: ProgressRow): Progress => ({
  nextOffset: Number(row.next_offset),
  watermarkMs: instant(row.watermark_ms),
  openedMs: instant(row.opened_ms),
  closedUntilMs: instant(row.closed_until_ms),
  closedOffset: Number(row.closed_offset),
});

const instant = (text: string | null): EpochMs | null => (text === null ? null : Number(text));
