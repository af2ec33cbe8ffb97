import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { flavourOf } from './flavour.ts';
import { GtidPosition } from './gtid-position.ts';
import { resumeOnMysql, startMysqlSnapshot } from './mysql-facts.ts';
import type { Boundary } from './source.ts';

/*
 * What is asked of the followed server, in MariaDB's words; MySQL's are in mysql-facts.ts.
 */

/** First row of a query, columns as text or null. @throws what the server said. */
export async function firstRow(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Readonly<Record<string, string | null>> | undefined> {
  const [rows] = await connection.query<RowDataPacket[]>(sql, [...values]);
  const row = rows[0];
  if (!row) return undefined;
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, value === null ? null : String(value)]),
  );
}

/** The server's clock, whatever time the session or another one has set. Epoch ms. */
export async function serverClock(connection: Connection): Promise<EpochMs> {
  const row = await firstRow(
    connection,
    'SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS UNSIGNED) now_ms',
  );
  return Number(row?.['now_ms']);
}

/** Where the binlog ends now. @throws SOURCE_NOT_READY when there is none. */
export async function binlogEnd(connection: Connection): Promise<BinlogPoint> {
  const row = await firstRow(connection, (await flavourOf(connection)).showEnd);
  if (!row?.['File'])
    throw new AppError('SOURCE_NOT_READY', {
      reason: 'the server writes no binlog',
      fix: 'log_bin',
    });
  return { file: row['File'], pos: Number(row['Position']) };
}

/** GTID position at a place; null when the place is not in the binlog (purged, beyond the end, within an event). */
export async function gtidAt(connection: Connection, at: BinlogPoint): Promise<string | null> {
  const row = await firstRow(connection, 'SELECT BINLOG_GTID_POS(?, ?) gtid', [at.file, at.pos]);
  return row?.['gtid'] ?? null;
}

/** Begins a read-only view of all InnoDB tables and says which place of the binlog it belongs to. */
export async function startConsistentSnapshot(connection: Connection): Promise<Boundary> {
  if ((await flavourOf(connection)).name === 'mysql') return startMysqlSnapshot(connection);
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  const [rows] = await connection.query<RowDataPacket[]>(
    "SHOW SESSION STATUS WHERE Variable_name IN ('Binlog_snapshot_file', 'Binlog_snapshot_position')",
  );
  const status = new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]));
  const end = {
    file: status.get('Binlog_snapshot_file') ?? '',
    pos: Number(status.get('Binlog_snapshot_position') ?? 0),
  };
  if (end.file === '' || end.pos === 0)
    throw new AppError('SOURCE_NOT_READY', {
      reason: 'the server writes no binlog',
      fix: 'log_bin',
    });
  return { end, gtid: await gtidAt(connection, end) };
}

export async function serverIdOf(connection: Connection): Promise<number> {
  return Number((await firstRow(connection, 'SELECT @@GLOBAL.server_id id'))?.['id']);
}

// Servers list the domains in an order of their own.
const sameGtids = (a: string, b: string | null): boolean =>
  new GtidPosition(a).toString() === new GtidPosition(b).toString();

/** Where and how to start reading again. */
export interface ResumePoint extends Boundary {
  readonly byGtid: boolean;
}

/**
 * Decides how to go on from a stored place. File and position are exact, but only on the server and
 * in the history that they were written for; the GTID at that place tells. On another server
 * of the same replication the GTID says where to go on.
 *
 * @throws TAIL_POSITION_PURGED when the place is gone or belongs to another history: reading on from
 *   there would lose or repeat changes without a trace.
 */
export async function resumePoint(
  connection: Connection,
  stored: Boundary & { readonly serverId: number },
): Promise<ResumePoint> {
  const { end, gtid } = stored;
  if ((await flavourOf(connection)).name === 'mysql') return resumeMysql(connection, stored);
  const here = await gtidAt(connection, end);
  if (here !== null && sameGtids(here, gtid)) return { end, gtid, byGtid: false };
  const serverId = await serverIdOf(connection);
  if (serverId !== stored.serverId && gtid !== null) return { end, gtid, byGtid: true };
  throw new AppError('TAIL_POSITION_PURGED', {
    file: end.file,
    pos: end.pos,
    gtid,
    serverId,
    reason:
      here === null
        ? 'the place is not in the binlog any more'
        : 'the binlog has another history at this place (restored backup or RESET MASTER)',
    gtidThere: here,
    oldest: (await firstRow(connection, 'SHOW BINARY LOGS'))?.['Log_name'] ?? null,
  });
}

async function resumeMysql(
  connection: Connection,
  { end, gtid, serverId: storedId }: Boundary & { readonly serverId: number },
): Promise<ResumePoint> {
  const serverId = await serverIdOf(connection);
  const found = await resumeOnMysql(connection, { end, gtid }, serverId === storedId);
  if (found) return { end, gtid, ...found };
  throw new AppError('TAIL_POSITION_PURGED', {
    ...end,
    gtid,
    serverId,
    reason: 'the place is gone, or the server has another history (restored backup, reset)',
  });
}
