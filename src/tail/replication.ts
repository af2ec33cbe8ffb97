import { mysqlCode } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { firstRow, textRow } from './first-row.ts';
import { flavourOf } from './flavour.ts';
import { holdsPosition } from './mariadb-gtid-list.ts';
import { MysqlGtidSet } from './mysql-gtid-set.ts';

const denied = new WeakSet<Connection>();

type Told = Readonly<Record<string, string | null>>;

/** How a server stands to one of those whose changes it applies. */
export interface Channel {
  /** Changes are fetched or applied, or will be as soon as the other server can be reached. */
  readonly isRunning: boolean;
  /** Whole transactions were fetched and are not applied. */
  readonly hasUnapplied: boolean;
  /** How far behind what it has fetched, s, cut down; null when it cannot be told. */
  readonly behindS: number | null;
}

/**
 * What a server applies of others. `hidden`: it is, or once was, a replica, and this user may not see more.
 *
 * @see https://mariadb.com/kb/en/show-replica-status/
 * @see https://dev.mysql.com/doc/refman/8.4/en/show-replica-status.html
 */
export async function replicationOf(
  connection: Connection,
): Promise<readonly Channel[] | 'hidden'> {
  const isMariaDb = (await flavourOf(connection)).name === 'mariadb';
  if (denied.has(connection)) return isMariaDb && (await wasReplica(connection)) ? 'hidden' : [];
  const show = isMariaDb ? 'SHOW ALL SLAVES STATUS' : 'SHOW REPLICA STATUS';
  try {
    const [found] = await connection.query<RowDataPacket[]>(show);
    const rows = found.map(textRow);
    if (!isMariaDb || rows.length === 0) return rows.map(mysqlChannel);
    const held = await firstRow(connection, 'SELECT @@GLOBAL.gtid_binlog_state state');
    return rows.map((row) => mariaDbChannel(row, held?.['state'] ?? ''));
  } catch (error) {
    if (mysqlCode(error) !== 'ER_SPECIFIC_ACCESS_DENIED_ERROR') throw error;
    // Not tried again: servers count what they denied, and some warn of it.
    denied.add(connection);
    return replicationOf(connection);
  }
}

/** Why a server may still get what it lacks; null when it gets nothing from others and is written to. */
export async function mayStillGet(connection: Connection): Promise<string | null> {
  const channels = await replicationOf(connection);
  if (channels === 'hidden')
    return 'it may be a replica, which cannot be seen without the right SLAVE MONITOR';
  if (channels.some(({ isRunning }) => isRunning)) return "it applies another server's changes";
  if (channels.some(({ hasUnapplied }) => hasUnapplied))
    return 'it has relay log that is not applied';
  return (await isReadOnly(connection)) ? 'it is read-only' : null;
}

/**
 * How far what a server has in its binlog may be behind its own clock, ms: 0 on one that gets nothing of others;
 * null when it cannot be told, because it does not reach those others or was stopped.
 * What it has not fetched yet is not seen.
 */
export async function appliedLagMs(connection: Connection): Promise<number | null> {
  // It may not be told; asked for at each sample, this is not worth two questions that cannot change it.
  if (denied.has(connection)) return 0;
  const channels = await replicationOf(connection);
  if (channels === 'hidden' || channels.length === 0) return 0;
  return lagOf(channels, await isReadOnly(connection));
}

/** @param isReadOnly Who was stopped and is written to since has been promoted. */
export function lagOf(channels: readonly Channel[], isReadOnly: boolean): number | null {
  const getting = channels.filter((each) => each.isRunning || each.hasUnapplied || isReadOnly);
  const lags = getting.map(({ behindS }) => behindS);
  if (lags.includes(null)) return null;
  // Cut down to whole seconds, of both times that it is the difference of.
  return Math.max(0, ...lags.map((behindS) => (behindS! + 1) * 1000));
}

// On MySQL either of the two is enough; MariaDB has one.
async function isReadOnly(connection: Connection): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only')",
  );
  return rows.some((row) => !/^(0|off)$/i.test(String(row['Value'])));
}

/** Whether a MariaDB applies changes just now, which tells itself without a right of its own. */
export async function isApplying(connection: Connection): Promise<boolean> {
  const threads = await firstRow(connection, "SHOW GLOBAL STATUS LIKE 'Slaves_running'");
  return Number(threads?.['Value'] ?? 0) > 0;
}

async function wasReplica(connection: Connection): Promise<boolean> {
  const applied = await firstRow(connection, 'SELECT @@GLOBAL.gtid_slave_pos pos');
  return (applied?.['pos'] ?? '') !== '' || (await isApplying(connection));
}

const isNot = (value: string | null | undefined): boolean => value?.toLowerCase() !== 'no';
const secondsOf = (value: string | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);

/** @param held gtid_binlog_state. */
export function mariaDbChannel(row: Told, held: string): Channel {
  const fetched = row['Gtid_IO_Pos'] ?? '';
  const isDone =
    isSamePlace(row, 'Master_Log_File', 'Read_Master_Log_Pos') ||
    // A transaction whose end was never fetched does not count.
    (fetched !== '' && holdsPosition(held, fetched));
  return {
    isRunning: isNot(row['Slave_IO_Running']) || isNot(row['Slave_SQL_Running']),
    hasUnapplied: !isDone,
    behindS: secondsOf(row['Seconds_Behind_Master']),
  };
}

export function mysqlChannel(row: Told): Channel {
  const fetched = new MysqlGtidSet(row['Retrieved_Gtid_Set'] ?? '');
  const applied = new MysqlGtidSet(row['Executed_Gtid_Set'] ?? '');
  const isDone =
    isSamePlace(row, 'Source_Log_File', 'Read_Source_Log_Pos') ||
    (fetched.toString() !== '' && applied.contains(fetched));
  // Threads of a group's member run on the primary too, which gets nothing more.
  const isGroup = (row['Channel_Name'] ?? '').startsWith('group_replication_');
  return {
    isRunning: !isGroup && (isNot(row['Replica_IO_Running']) || isNot(row['Replica_SQL_Running'])),
    hasUnapplied: !isDone,
    behindS: secondsOf(row['Seconds_Behind_Source']),
  };
}

/** All that was fetched, up to the byte, is applied; nothing at all is too. */
function isSamePlace(row: Told, file: string, read: string): boolean {
  const [relayed, executed] = [`Relay_${file}`, read.replace('Read', 'Exec')];
  if ((row[file] ?? '') === '') return true;
  return row[file] === row[relayed] && Number(row[read]) === Number(row[executed]);
}
