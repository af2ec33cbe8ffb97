import { expect } from 'vitest';
import { startMysql } from '../../deploy/dev/mysql.ts';
import { parseMysqlUrl } from '../../src/platform/mysql.ts';
import type { Connection, RowDataPacket } from '../../src/platform/mysql.ts';
import { mysqlPrograms } from './mysql.ts';
import { canStartMariaDb, startMariaDb } from './servers.ts';
import type { LocalServer } from './servers.ts';
import { openServer } from './source-story.ts';

/** Two servers of a test's own, the second of which applies by GTID what the first writes, and is writable. */
export interface Replicated extends AsyncDisposable {
  readonly primary: LocalServer;
  readonly replica: LocalServer;
  /** To the replica, as root. */
  readonly there: Connection;
  /** The replica has applied all that the primary has written. */
  arrive(from: Connection): Promise<void>;
  /** The replica has fetched all that the primary has written, if not applied. */
  fetched(from: Connection): Promise<void>;
}

/** A flavour's words for what replicas do. */
export interface ReplicaWords {
  readonly flavour: 'MariaDB' | 'MySQL';
  readonly replica: 'SLAVE' | 'REPLICA';
  readonly status: string;
  readonly end: string;
  readonly file: string;
  readonly pos: string;
  readonly behind: string;
  readonly executed: string;
  readonly wait: string;
}

const mariaDb: ReplicaWords = {
  flavour: 'MariaDB',
  replica: 'SLAVE',
  status: 'SHOW SLAVE STATUS',
  end: 'SHOW MASTER STATUS',
  file: 'Master_Log_File',
  pos: 'Read_Master_Log_Pos',
  behind: 'Seconds_Behind_Master',
  executed: '@@GLOBAL.gtid_binlog_pos',
  wait: 'MASTER_GTID_WAIT',
};
const mysql: ReplicaWords = {
  flavour: 'MySQL',
  replica: 'REPLICA',
  status: 'SHOW REPLICA STATUS',
  end: 'SHOW BINARY LOG STATUS',
  file: 'Source_Log_File',
  pos: 'Read_Source_Log_Pos',
  behind: 'Seconds_Behind_Source',
  executed: '@@GLOBAL.gtid_executed',
  wait: 'WAIT_FOR_EXECUTED_GTID_SET',
};

const programs = await mysqlPrograms();

/** The flavours of which a test may start servers. */
export const replicatedFlavours: readonly ReplicaWords[] = [
  ...(canStartMariaDb() ? [mariaDb] : []),
  ...(programs === undefined ? [] : [mysql]),
];

export async function startReplicated(words: ReplicaWords): Promise<Replicated> {
  const isMariaDb = words.flavour === 'MariaDB';
  const [primary, replica] = await Promise.all([start('1'), start('2')]);
  const there = await openServer(replica);
  const { user, password } = parseMysqlUrl(primary.url);
  const S = isMariaDb ? 'MASTER' : 'SOURCE';
  await there.query(
    `${isMariaDb ? '' : 'RESET BINARY LOGS AND GTIDS; '}
     CHANGE ${isMariaDb ? 'MASTER' : 'REPLICATION SOURCE'} TO ${S}_HOST = '127.0.0.1',
     ${S}_PORT = ${primary.port}, ${S}_USER = '${user}', ${S}_PASSWORD = '${password}',
     ${S}_CONNECT_RETRY = 1,
     ${isMariaDb ? 'MASTER_USE_GTID = slave_pos' : 'SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1'}`,
  );

  async function start(serverId: string): Promise<LocalServer> {
    const settings = { server_id: serverId, log_bin: `bin-${serverId}` };
    const small = { ...settings, innodb_buffer_pool_size: '32M' };
    if (isMariaDb)
      return startMariaDb({
        settings: { ...small, innodb_log_file_size: '8M', log_slave_updates: 'ON' },
      });
    return startMysql({
      programs: programs!,
      settings: { ...small, innodb_redo_log_capacity: '8M', performance_schema: 'OFF' },
    });
  }
  if (!isMariaDb) {
    const here = await openServer(primary);
    await here.query('RESET BINARY LOGS AND GTIDS');
    here.destroy();
  }
  await there.query(`START ${words.replica}`);
  return {
    primary,
    replica,
    there,
    async arrive(from) {
      const [rows] = await from.query<RowDataPacket[]>(`SELECT ${words.executed} at`);
      const [waited] = await there.query<RowDataPacket[]>(`SELECT ${words.wait}(?, 20) late`, [
        rows[0]!['at'],
      ]);
      expect(Number(waited[0]!['late'])).toBe(0);
    },
    async fetched(from) {
      const [ends] = await from.query<RowDataPacket[]>(words.end);
      const end = [ends[0]!['File'], Number(ends[0]!['Position'])];
      const has = async () => {
        const [rows] = await there.query<RowDataPacket[]>(words.status);
        return [rows[0]![words.file], Number(rows[0]![words.pos])];
      };
      await expect.poll(has, { timeout: 20_000 }).toEqual(end);
    },
    async [Symbol.asyncDispose]() {
      there.destroy();
      await Promise.all([primary[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()]);
    },
  };
}
