import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import type { BinlogPoint } from './binlog-point.ts';
import { firstRow } from './first-row.ts';
import { flavourOf } from './flavour.ts';
import { startMysqlSnapshot } from './mysql-facts.ts';
import { lastXidBefore } from './last-xid.ts';
import type { Boundary } from './source.ts';

/*
 * What is asked of the followed server, in MariaDB's words; MySQL's are in mysql-facts.ts.
 */

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

/** Begins a read-only view of all InnoDB tables. */
export async function startView(connection: Connection): Promise<void> {
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
}

/** Begins a read-only view of all InnoDB tables and says which place of the binlog it belongs to. */
export async function startConsistentSnapshot(connection: Connection): Promise<Boundary> {
  if ((await flavourOf(connection)).name === 'mysql') {
    const place = await startMysqlSnapshot(connection);
    return { ...place, lastXid: await lastXidBefore(connection, place.end) };
  }
  await startView(connection);
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
  return {
    end,
    gtid: await gtidAt(connection, end),
    lastXid: await lastXidBefore(connection, end),
  };
}

/** Where and how to start reading again. */
export interface ResumePoint extends Boundary {
  readonly byGtid: boolean;
}
