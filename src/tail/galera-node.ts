import { AppError } from '../platform/errors.ts';
import { mysqlCode, mysqlError } from '../platform/mysql.ts';
import type { Connection, MysqlTarget, RowDataPacket } from '../platform/mysql.ts';

/**
 * Waits until a node of a Galera cluster has applied what the cluster had committed by now, so that what it
 * lacks then it will never get; a server without a cluster is left as it is.
 *
 * @returns whether its GTIDs are its own: without `wsrep_gtid_mode` each node counts by itself, under the
 *   server id of the node that was written to, so that nodes have other transactions under one GTID as
 *   soon as one of them has committed something alone.
 * @see https://mariadb.com/kb/en/using-mariadb-gtids-with-mariadb-galera-cluster/
 */
export async function catchUpWithCluster(connection: Connection): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_on', 'wsrep_gtid_mode')",
  );
  const isOn = (name: string) =>
    rows.some((row) => row['Variable_name'] === name && row['Value'] === 'ON');
  if (!isOn('wsrep_on')) return false;
  await connection.query('SET SESSION wsrep_sync_wait = 1');
  await connection.query('SELECT 1');
  return !isOn('wsrep_gtid_mode');
}

/** An error of a question to the source as one of ours. No lock is waited for there: this is a node that lags. */
export function askingError(cause: unknown, target: MysqlTarget): unknown {
  if (mysqlCode(cause) !== 'ER_LOCK_WAIT_TIMEOUT') return mysqlError(cause, target, 'SOURCE');
  const { host, port } = target;
  return new AppError('SOURCE_BEHIND', { host, port, reason: 'behind its cluster' }, cause);
}
