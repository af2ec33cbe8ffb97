import { quoteName } from '../platform/mysql.ts';
import type { Connection, RowDataPacket } from '../platform/mysql.ts';
import { rowHash } from './event-content.ts';
import { catchUpWithCluster } from './galera-node.ts';
import { compareLastXid } from './last-xid.ts';
import { transactionAt } from './mysql-transaction-at.ts';
import type { PositionRecord } from './position.ts';
import { layoutsNow } from './preflight-schema.ts';
import { selectRows } from './read-rows.ts';
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
  const about = { flavour, serverId, serverUuid, logs, lastXid };
  const newestEvent = await compareNewest(connection, cloudSchema, stored.newestEvent);
  if (flavour === 'mysql')
    return { ...about, newestEvent, ...(await mysqlSight(connection, stored, logs)) };
  const sight = await mariaDbSight(connection, stored, logs[0]?.file);
  if (!countsAlone || serverId === stored.serverId) return { ...about, newestEvent, ...sight };
  // Only the newest event tells what it has.
  const isReplica = sight.isReplica && newestEvent === 'missing';
  return { ...about, newestEvent, ...sight, executed: '', isReplica };
}

type FlavourSight = Pick<
  ServerSight,
  'gtidAtPlace' | 'nextGtid' | 'executed' | 'purged' | 'isReplica'
>;

async function mariaDbSight(
  connection: Connection,
  stored: PositionRecord,
  oldest: string | undefined,
): Promise<FlavourSight> {
  const row = await firstRow(
    connection,
    'SELECT @@GLOBAL.gtid_binlog_state state, @@GLOBAL.read_only read_only',
  );
  // A status variable, because SHOW REPLICA STATUS needs a privilege of its own.
  const applies = await firstRow(connection, "SHOW GLOBAL STATUS LIKE 'Slave_running'");
  return {
    gtidAtPlace: await gtidAt(connection, stored),
    nextGtid: null,
    executed: row?.['state'] ?? '',
    // The first event of a file ends at byte 4 at the earliest: the magic number.
    purged:
      oldest === undefined ? '' : ((await gtidAt(connection, { file: oldest, pos: 4 })) ?? ''),
    isReplica: applies?.['Value'] === 'ON' || isOn(row?.['read_only']),
  };
}

async function mysqlSight(
  connection: Connection,
  stored: PositionRecord,
  logs: ServerSight['logs'],
): Promise<FlavourSight> {
  const row = await firstRow(
    connection,
    'SELECT @@GLOBAL.gtid_executed executed, @@GLOBAL.gtid_purged purged, @@GLOBAL.super_read_only read_only',
  );
  const isListed = logs.some(({ file, size }) => file === stored.file && stored.pos < size);
  return {
    gtidAtPlace: null,
    nextGtid: isListed ? await gtidAfter(connection, stored) : null,
    executed: row?.['executed'] ?? '',
    purged: row?.['purged'] ?? '',
    isReplica: isOn(row?.['read_only']),
  };
}

async function gtidAfter(connection: Connection, stored: PositionRecord): Promise<string | null> {
  const { canBegin, gtid } = await transactionAt(connection, stored);
  // No transaction begins there and none can: as good as one of ours, which does not come again.
  return canBegin ? gtid : stored.gtid;
}

const isOn = (value: string | null | undefined): boolean =>
  value !== undefined && value !== null && !/^(0|off)$/i.test(value);

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

/** Whether the server is one that may still get what it lacks. */
export async function isReadOnly(connection: Connection): Promise<boolean> {
  const row = await firstRow(connection, 'SELECT @@GLOBAL.read_only read_only');
  return isOn(row?.['read_only']);
}
