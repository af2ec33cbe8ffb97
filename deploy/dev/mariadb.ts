import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { findProgram } from './find-program.ts';
import { startLocalServer, type LocalServer, type Log } from './local-server.ts';
import { freePort } from './ports.ts';
import { runTool } from './processes.ts';
import { createDataFolder } from './run-folder.ts';

export type MariaDbOptions = {
  /** Kept at the end when given; it must not hold data yet. */
  readonly dir?: string;
  readonly port?: number;
  /** Of root; a random one when left out. */
  readonly password?: string;
  /** Lines of the [mariadbd] section beside or instead of ours; an empty value is a bare flag. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: Log;
  readonly signal?: AbortSignal;
};

/** What the tail needs of the binlog, and what makes a throwaway server quick. */
export const mariaDbSettings: Readonly<Record<string, string>> = {
  log_bin: 'binlog',
  binlog_format: 'ROW',
  binlog_row_image: 'FULL',
  binlog_row_metadata: 'FULL',
  server_id: '1',
  innodb_flush_log_at_trx_commit: '1',
  sync_binlog: '0',
  innodb_buffer_pool_size: '512M',
  innodb_log_file_size: '512M',
  max_allowed_packet: '64M',
  max_connections: '300',
  character_set_server: 'utf8mb4',
  default_time_zone: '+00:00',
};

/** Starts a MariaDB with its own data folder, port and socket, from the programs installed here. */
export async function startMariaDb(options: MariaDbOptions = {}): Promise<LocalServer> {
  const [mariadbd, installDb] = findMariaDb() ?? [];
  if (!mariadbd || !installDb) throw new Error('mariadbd is not installed (see with-servers.ts)');
  const dir = options.dir ?? createDataFolder('mariadb');
  const port = options.port ?? (await freePort());
  const password = options.password ?? randomBytes(12).toString('hex');
  const data = join(dir, 'data');
  if (existsSync(data)) throw new Error(`${data} already holds data`);
  mkdirSync(join(dir, 'tmp'), { recursive: true });

  const defaults = join(dir, 'my.cnf');
  writeFileSync(defaults, configuration(dir, data, port, options.settings));
  const install = [`--defaults-file=${defaults}`, '--auth-root-authentication-method=normal'];
  await runTool(installDb, [...install, '--skip-test-db'], { signal: options.signal });
  const accounts = join(dir, 'accounts.sql');
  writeFileSync(accounts, accountsSql(password), { mode: 0o600 });

  const url = `mysql://root:${password}@127.0.0.1:${port}`;
  const spec = {
    name: 'MariaDB',
    url,
    host: '127.0.0.1',
    port,
    dir,
    file: mariadbd,
    ownsDir: options.dir === undefined,
    logFile: join(dir, 'mariadb.log'),
    args: [`--defaults-file=${defaults}`],
    firstArgs: [`--init-file=${accounts}`],
    isReady: () => canLogIn(url),
    log: options.log ?? (() => {}),
    signal: options.signal,
  };
  return startLocalServer(spec);
}

/** @returns the server and its installer, if they and what they need are here. */
export function findMariaDb(): string[] | undefined {
  const programs = ['mariadbd', 'mariadb-install-db', 'my_print_defaults'].map(findProgram);
  const found = programs.filter((program) => program !== undefined);
  return found.length === programs.length ? found : undefined;
}

function configuration(
  dir: string,
  data: string,
  port: number,
  settings: MariaDbOptions['settings'],
): string {
  const all: Record<string, string> = {
    // mariadbd refuses to run as root unless it is told to by name.
    user: userInfo().username,
    datadir: data,
    tmpdir: join(dir, 'tmp'),
    socket: join(dir, 's.sock'),
    pid_file: join(dir, 'pid'),
    port: `${port}`,
    bind_address: '127.0.0.1',
    skip_name_resolve: '',
    ...mariaDbSettings,
    ...settings,
  };
  const lines = Object.entries(all).map(([key, value]) => (value === '' ? key : `${key}=${value}`));
  return ['[mariadbd]', ...lines, ''].join('\n');
}

// Each statement on one line, as an init file must have it; kept out of the binlog, which is the
// workload's alone.
function accountsSql(password: string): string {
  return [
    'SET SESSION sql_log_bin = 0;',
    "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');",
    'FLUSH PRIVILEGES;',
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}';`,
    `CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '${password}';`,
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;",
    '',
  ].join('\n');
}

export async function canLogIn(url: string): Promise<boolean> {
  try {
    await using connection = await createConnection({ uri: url, connectTimeout: 2000 });
    await connection.query('SELECT 1');
    return true;
  } catch {
    return false;
  }
}
