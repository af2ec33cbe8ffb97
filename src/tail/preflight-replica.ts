import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { currentUser } from './preflight-access.ts';
import type { Finding } from './preflight.ts';
import { appliedLagMs, isApplying, replicationOf } from './replication.ts';

/**
 * A replica writes what it applies to its own binlog only when it is told to; and what it has not applied has
 * to be seen, else it is taken for lost and windows close too early.
 */
export async function checkReplica(connection: Connection): Promise<readonly Finding[]> {
  const channels = await replicationOf(connection);
  const isHidden = channels === 'hidden';
  const runs = isHidden
    ? await isApplying(connection)
    : channels.some(({ isRunning }) => isRunning);
  return [
    ...(isHidden ? [hidden(await currentUser(connection))] : []),
    ...(runs ? await checkBinlog(connection) : []),
    ...(isHidden || channels.length === 0 ? [] : [checkLag(await appliedLagMs(connection))]),
  ];
}

const hidden = (user: string): Finding => ({
  check: 'grant SLAVE MONITOR',
  level: 'warning',
  found: 'not granted',
  why: 'this server is or was a replica: what it has not applied yet cannot be seen, so windows may close without it, and after a fail-over that lost changes the tail waits',
  fix: `GRANT SLAVE MONITOR ON *.* TO ${user};`,
});

function checkLag(lagMs: number | null): Finding {
  const check = 'lag of a replica';
  if (lagMs !== null) return { check, level: 'ok', found: `${lagMs / 1000} s at most` };
  return {
    check,
    level: 'warning',
    found: 'not known',
    why: 'it does not reach its primary, was stopped or has failed: watermarks wait, and windows with them',
    fix: 'START REPLICA;   or, on a server that was promoted, RESET REPLICA ALL;',
  };
}

async function checkBinlog(connection: Connection): Promise<readonly Finding[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_slave_updates', 'log_replica_updates')",
  );
  const check = 'binlog of a replica';
  if (rows.some((row) => row['Value'] === 'ON'))
    return [{ check, level: 'ok', found: "has the primary's changes" }];
  return [
    {
      check,
      level: 'fatal',
      found: 'log_slave_updates is OFF',
      why: "its binlog lacks the primary's changes: there is nothing to follow",
      fix: '[mariadb] log_slave_updates = ON   (my.cnf, then restart the server), or follow the primary',
    },
  ];
}
