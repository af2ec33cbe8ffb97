import { setTimeout } from 'node:timers/promises';
import { AppError } from '../platform/errors.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { flavourOf } from './flavour.ts';
import { MysqlGtidSet } from './mysql-gtid-set.ts';
import type { Boundary } from './source.ts';

const tries = 200;
const pauseMs = 5;
const settleSeconds = 10;

/**
 * Begins a consistent read-only view on MySQL, without a lock and the privileges that one needs, and says
 * which place of the binlog it belongs to: the end of the binlog before and after, if no transaction
 * was between the binlog and the tables just then. On a busy server that is tried many times; if it never
 * holds, the view has a little more than the place says, and that comes twice, with the same content.
 *
 * @param connection Takes several statements at once, so that little time is between them.
 * @throws SOURCE_NOT_READY when there is no binlog.
 */
export async function startMysqlSnapshot(connection: Connection): Promise<Boundary> {
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  const { showEnd } = await flavourOf(connection);
  // A transaction has a number as soon as it is in the binlog, and owns it until the tables show it.
  const sql = `${showEnd}; SELECT @@GLOBAL.gtid_owned owned;
    START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; ${showEnd}`;
  for (let attempt = 1; ; attempt++) {
    const [results] = await connection.query<RowDataPacket[][]>(sql);
    const [first, owned, , second] = results;
    const before = boundaryOf(first?.[0]);
    const after = boundaryOf(second?.[0]);
    const still = before.end.file === after.end.file && before.end.pos === after.end.pos;
    if (still && owned?.[0]?.['owned'] === '') return after;
    await connection.query('ROLLBACK');
    if (attempt === tries) return startLaterView(connection, before);
    await setTimeout(pauseMs * Math.random());
  }
}

/** All that is in the binlog by then is waited for: the view has at least that. */
async function startLaterView(connection: Connection, place: Boundary): Promise<Boundary> {
  const owned = (await one(connection, 'SELECT @@GLOBAL.gtid_owned value')).replaceAll(/\s/g, '');
  const gtids = owned.replaceAll(/#\d+/g, '');
  const wait = 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?) value';
  if (gtids !== '' && (await one(connection, wait, [gtids, settleSeconds])) !== '0')
    throw new AppError('SOURCE_UNREACHABLE', { reason: 'transactions do not end', gtids });
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  return place;
}

function boundaryOf(row: RowDataPacket | undefined): Boundary {
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

async function one(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>(sql, [...values]);
  return String(rows[0]?.['value'] ?? '');
}
