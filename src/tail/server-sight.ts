import { quoteName } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { rowHash } from './event-content.ts';
import { catchUpWithCluster } from './galera-node.ts';
import { compareLastXid } from './last-xid.ts';
import { transactionAt } from './mysql-transaction-at.ts';
import type { PositionRecord } from './position.ts';
import { layoutsNow } from './preflight-schema.ts';
import { selectRows } from './read-rows.ts';
import { mayStillGet } from './replication.ts';
import type { ServerSight } from './resume-decision.ts';
import { firstRow } from './first-row.ts';
import { gtidAt } from './server-facts.ts';

/** Who the server is. */
export interface ServerIdentity {
  readonly flavour: 'mariadb' | 'mysql';
  readonly version: string;
  readonly serverId: number;
  readonly serverUuid: string | null;
}

export async function identifyServer(connection: Connection): Promise<ServerIdentity> {
  const row = await firstRow(connection, 'SELECT VERSION() version, @@GLOBAL.server_id id');
  const version = row?.['version'] ?? '';
  const flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  const uuid =
    flavour === 'mysql'
      ? await firstRow(connection, 'SELECT @@GLOBAL.server_uuid uuid')
      : undefined;
  return { flavour, version, serverId: Number(row?.['id']), serverUuid: uuid?.['uuid'] ?? null };
}

/** Everything that decides how to go on from a stored position. Reads only. */
export async function lookAtServer(
  connection: Connection,
  cloudSchema: string,
  identity: ServerIdentity,
  stored: PositionRecord,
): Promise<Omit<ServerSight, 'refused'>> {
  const { flavour, serverId, serverUuid } = identity;
  const countsAlone = flavour === 'mariadb' && (await catchUpWithCluster(connection));
  const [rows] = await connection.query<RowDataPacket[]>('SHOW BINARY LOGS');
  const logs = rows.map((row) => ({
    file: String(row['Log_name']),
    size: Number(row['File_size']),
  }));
  const isLongEnough = logs.some(({ file, size }) => file === stored.file && stored.pos <= size);
  const lastXid = isLongEnough
    ? await compareLastXid(connection, stored.file, stored.lastXid)
    : 'unknown';
  const newestEvent = await compareNewest(connection, cloudSchema, stored.newestEvent);
  const stillGets = await mayStillGet(connection);
  const isReplica = stillGets !== null;
  const about = { flavour, serverId, serverUuid, logs, lastXid, newestEvent, stillGets, isReplica };
  if (flavour === 'mysql') return { ...about, ...(await mysqlSight(connection, stored, logs)) };
  const sight = await mariaDbSight(connection, stored, logs[0]?.file);
  if (!countsAlone || serverId === stored.serverId) return { ...about, ...sight };
  // Only the newest event tells what it has.
  const isBehind = isReplica && newestEvent === 'missing';
  return { ...about, ...sight, executed: '', isReplica: isBehind };
}

type FlavourSight = Pick<ServerSight, 'gtidAtPlace' | 'nextGtid' | 'executed' | 'purged'>;

async function mariaDbSight(
  connection: Connection,
  stored: PositionRecord,
  oldest: string | undefined,
): Promise<FlavourSight> {
  const row = await firstRow(connection, 'SELECT @@GLOBAL.gtid_binlog_state state');
  return {
    gtidAtPlace: await gtidAt(connection, stored),
    nextGtid: null,
    executed: row?.['state'] ?? '',
    // The first event of a file ends at byte 4 at the earliest: the magic number.
    purged:
      oldest === undefined ? '' : ((await gtidAt(connection, { file: oldest, pos: 4 })) ?? ''),
  };
}

async function mysqlSight(
  connection: Connection,
  stored: PositionRecord,
  logs: ServerSight['logs'],
): Promise<FlavourSight> {
  const row = await firstRow(
    connection,
    'SELECT @@GLOBAL.gtid_executed executed, @@GLOBAL.gtid_purged purged',
  );
  const isListed = logs.some(({ file, size }) => file === stored.file && stored.pos < size);
  return {
    gtidAtPlace: null,
    nextGtid: isListed ? await gtidAfter(connection, stored) : null,
    executed: row?.['executed'] ?? '',
    purged: row?.['purged'] ?? '',
  };
}

async function gtidAfter(connection: Connection, stored: PositionRecord): Promise<string | null> {
  const { canBegin, gtid } = await transactionAt(connection, stored);
  // No transaction begins there and none can: as good as one of ours, which does not come again.
  return canBegin ? gtid : stored.gtid;
}

/** Whether the highest event of the feed is on the server, with the same content. */
export async function compareNewest(
  connection: Connection,
  cloudSchema: string,
  newest: PositionRecord['newestEvent'],
): Promise<ServerSight['newestEvent']> {
  if (newest === null) return 'unknown';
  const layout = (await layoutsNow(connection, cloudSchema)).get('usage_event')!;
  const [row] = await selectRows(connection, layout, `${quoteName('id')} = ?`, [newest.id]);
  if (row === undefined) return 'missing';
  return rowHash(row) === newest.hash ? 'same' : 'differs';
}
