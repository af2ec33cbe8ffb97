import { AppError } from '../platform/errors.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { flavourOf } from './flavour.ts';
import { MysqlGtidSet } from './mysql-gtid-set.ts';
import type { Boundary } from './source.ts';

const tries = 20;
const settleSeconds = 5;

/**
 * Begins a consistent read-only view on MySQL, without a lock and the privileges that one needs, and says
 * which place of the binlog it holds at least everything before.
 *
 * A transaction is written to the binlog before the tables show it, so at first all that are between
 * the two are waited for. What commits while the view is opened is in it and comes by the binlog too, with the
 * same content; usually nothing does, which is tried for several times.
 *
 * @throws SOURCE_NOT_READY when there is no binlog.
 */
export async function startMysqlSnapshot(connection: Connection): Promise<Boundary> {
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  for (let attempt = 1; ; attempt++) {
    const before = await mysqlEnd(connection);
    await settle(connection);
    await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const after = await mysqlEnd(connection);
    const { file, pos } = before.end;
    if (after.end.file === file && after.end.pos === pos) return after;
    if (attempt === tries) return before;
    await connection.query('ROLLBACK');
  }
}

// Transactions that have a number and are not finished yet.
async function settle(connection: Connection): Promise<void> {
  const owned = (await one(connection, 'SELECT @@GLOBAL.gtid_owned value')).replaceAll(/\s/g, '');
  if (owned === '') return;
  const gtids = owned.replaceAll(/#\d+/g, '');
  await connection.query('SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)', [gtids, settleSeconds]);
}

async function mysqlEnd(connection: Connection): Promise<Boundary> {
  const { showEnd } = await flavourOf(connection);
  const [rows] = await connection.query<RowDataPacket[]>(showEnd);
  const row = rows[0];
  if (!row?.['File'])
    throw new AppError('SOURCE_NOT_READY', {
      reason: 'the server writes no binlog',
      fix: 'log_bin',
    });
  const gtid = new MysqlGtidSet(String(row['Executed_Gtid_Set'] ?? '').replaceAll(/\s/g, ''));
  return {
    end: { file: String(row['File']), pos: Number(row['Position']) },
    gtid: gtid.toString() || null,
  };
}

/**
 * How to go on from a stored place on a MySQL server: by file and byte on the server it was written for,
 * by GTID on another one that has all that we have read and still all that we have not.
 *
 * @returns null when neither holds.
 */
export async function resumeOnMysql(
  connection: Connection,
  { end, gtid }: Boundary,
  sameServer: boolean,
): Promise<{ readonly byGtid: boolean } | null> {
  if (gtid === null) return null;
  const ours = new MysqlGtidSet(gtid);
  const executed = await gtidSet(connection, 'gtid_executed');
  if (!executed.contains(ours)) return null;
  if (sameServer) {
    const [rows] = await connection.query<RowDataPacket[]>('SHOW BINARY LOGS');
    const file = rows.find((row) => row['Log_name'] === end.file);
    return file && Number(file['File_size']) >= end.pos ? { byGtid: false } : null;
  }
  return ours.contains(await gtidSet(connection, 'gtid_purged')) ? { byGtid: true } : null;
}

const gtidSet = async (connection: Connection, variable: string): Promise<MysqlGtidSet> =>
  new MysqlGtidSet(
    (await one(connection, `SELECT @@GLOBAL.${variable} value`)).replaceAll(/\s/g, ''),
  );

async function one(connection: Connection, sql: string): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>(sql);
  return String(rows[0]?.['value'] ?? '');
}
