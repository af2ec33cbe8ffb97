import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { startLocalServer, type LocalServer, type Log } from './local-server.ts';
import { canLogIn } from './mariadb.ts';
import { freePort } from './ports.ts';
import { runTool } from './processes.ts';
import { createDataFolder } from './run-folder.ts';

export type MysqlOptions = {
  /** Of the programs, see mysql-programs.ts. */
  readonly programs: string;
  /** Lines of the [mysqld] section beside or instead of ours; an empty value is a bare flag. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: Log;
  readonly signal?: AbortSignal;
};

/** What the tail needs of the binlog, and what makes a throwaway server quick. */
export const mysqlSettings: Readonly<Record<string, string>> = {
  log_bin: 'binlog',
  binlog_row_image: 'FULL',
  binlog_row_metadata: 'FULL',
  gtid_mode: 'ON',
  enforce_gtid_consistency: 'ON',
  server_id: '1',
  sync_binlog: '0',
  innodb_buffer_pool_size: '256M',
  innodb_redo_log_capacity: '256M',
  max_allowed_packet: '64M',
  max_connections: '300',
  default_time_zone: '+00:00',
};

/** Starts a MySQL with its own data folder, port and socket; the second of our flavours. */
export async function startMysql(options: MysqlOptions): Promise<LocalServer> {
  const { programs } = options;
  const dir = createDataFolder('mysql');
  const port = await freePort();
  const password = randomBytes(12).toString('hex');
  const data = join(dir, 'data');
  mkdirSync(join(dir, 'tmp'), { recursive: true });
  const defaults = join(dir, 'my.cnf');
  const accounts = join(dir, 'accounts.sql');
  writeFileSync(accounts, accountsSql(password), { mode: 0o600 });
  writeFileSync(
    defaults,
    section({
      // mysqld refuses to run as root unless it is told to by name.
      user: userInfo().username,
      basedir: join(programs, 'usr'),
      plugin_dir: join(programs, 'usr/lib/mysql/plugin'),
      lc_messages_dir: join(programs, 'usr/share/mysql'),
      datadir: data,
      tmpdir: join(dir, 'tmp'),
      socket: join(dir, 's.sock'),
      pid_file: join(dir, 'pid'),
      port: `${port}`,
      bind_address: '127.0.0.1',
      mysqlx: 'OFF',
      secure_file_priv: 'NULL',
      skip_name_resolve: '',
      ...mysqlSettings,
      ...options.settings,
    }),
  );
  // By the loader that came with it: it needs a newer C library than this machine may have.
  const libraries = readdirSync(join(programs, 'usr/lib'))
    .filter((name) => /-linux-gnu/.test(name))
    .map((name) => join(programs, 'usr/lib', name));
  const loader = join(programs, 'loader');
  const mysqld = ['--library-path', libraries.join(':'), join(programs, 'usr/sbin/mysqld')];
  const args = [...mysqld, `--defaults-file=${defaults}`];
  await runTool(loader, [...args, '--initialize-insecure'], { signal: options.signal });
  const url = `mysql://root:${password}@127.0.0.1:${port}`;
  return startLocalServer({
    name: 'MySQL',
    url,
    host: '127.0.0.1',
    port,
    dir,
    ownsDir: true,
    logFile: join(dir, 'mysql.log'),
    file: loader,
    args,
    firstArgs: [`--init-file=${accounts}`],
    isReady: () => canLogIn(url),
    log: options.log ?? (() => {}),
    signal: options.signal,
  });
}

const section = (settings: Readonly<Record<string, string>>): string =>
  [
    '[mysqld]',
    ...Object.entries(settings).map(([key, value]) => (value === '' ? key : `${key}=${value}`)),
    '',
  ].join('\n');

// Each statement on one line, as an init file must have it.
function accountsSql(password: string): string {
  return [
    'SET SESSION sql_log_bin = 0;',
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}';`,
    `CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '${password}';`,
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;",
    '',
  ].join('\n');
}
