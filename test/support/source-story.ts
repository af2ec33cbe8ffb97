import { createConnection } from 'mysql2/promise';
import { mysqlOptions, parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { Connection } from '../../src/platform/mysql.ts';
import { caughtUpWith } from './feed-and-table.ts';
import type { LocalServer } from './servers.ts';
import { insertEvent } from './tailed-cloud.ts';
import type { TailedCloud } from './tailed-cloud.ts';

/** A connection to a server of a test's own, several statements at once allowed. */
export const openServer = (server: LocalServer, database?: string): Promise<Connection> =>
  createConnection({
    ...mysqlOptions(parseMysqlUrl(server.url)),
    multipleStatements: true,
    ...(database === undefined ? {} : { database }),
  });

/** Events with a detail each, on several accounts. */
export async function writeEvents(
  sql: Connection,
  from: number,
  to: number,
  name = 'vm',
): Promise<void> {
  for (let id = from; id <= to; id++) {
    await insertEvent(sql, { id, account_id: 2 + (id % 5), resource_name: `${name}-${id}` });
    await sql.query('INSERT INTO usage_event_details SET ?', {
      usage_event_id: id,
      name: 'cpuNumber',
      value: `${name}-${id}`,
    });
  }
}

/** Runs the tailer until it has all that the server has. */
export async function followToEnd(cloud: TailedCloud, sql: Connection, more = {}): Promise<void> {
  const tail = cloud.start(more);
  await caughtUpWith(tail, sql);
  await tail.stop();
}
