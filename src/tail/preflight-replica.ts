import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import type { Finding } from './preflight.ts';
import { firstRow } from './first-row.ts';

/** A replica writes what it applies to its own binlog only when it is told to. */
export async function checkReplica(connection: Connection): Promise<readonly Finding[]> {
  const applies = await firstRow(connection, "SHOW GLOBAL STATUS LIKE 'Slave_running'");
  if (applies?.['Value'] !== 'ON') return [];
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
