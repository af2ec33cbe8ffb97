import { createConnection, createPool } from 'mysql2/promise';
import type { Connection, ConnectionOptions, Pool, RowDataPacket } from 'mysql2/promise';
import type { ErrorCode } from '../contracts/error-codes.ts';
import { limitAnswers } from './answer-limit.ts';
import { authorityFile } from './authority-file.ts';
import { AppError } from './errors.ts';

export type { Connection, Pool, RowDataPacket };

/** Where a MariaDB or MySQL server is, without its password in any printable form. */
export interface MysqlTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string | undefined;
  readonly tls: { ca: string | undefined; verify: boolean } | undefined;
  /** A connection that leaves a question unanswered for so long is given up, ms; left out: it is waited for. */
  readonly answerMs?: number;
}

/**
 * Reads `mysql://user:password@host:port/database?tls=required|verify&ca=/path/ca.pem`.
 * @throws CONFIG_INVALID when the text is not such a URL; the password is never in the error.
 */
export function parseMysqlUrl(text: string): MysqlTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const parts = url && decodeAll([url.hostname, url.username, url.password, url.pathname]);
  if (!parts || !/^(mysql|mariadb):$/.test(url.protocol) || url.hostname === '')
    throw new AppError('CONFIG_INVALID', {
      problems: [
        'a database address is written mysql://user:password@host:port/database, special characters as %XX',
      ],
    });
  const [host = '', user = '', password = '', path = ''] = parts;
  const tls = url.searchParams.get('tls');
  const ca = url.searchParams.get('ca');
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 3306 : Number(url.port),
    user,
    password,
    database: path.length > 1 ? path.slice(1) : undefined,
    tls:
      tls === null && ca === null ? undefined : { ca: ca ?? undefined, verify: tls !== 'required' },
  };
}

/** undefined when one of them has a `%` that begins no character. */
function decodeAll(parts: readonly string[]): string[] | undefined {
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Connection options that every room shares: UTC, big numbers as text, dates as text, TCP keep-alive. */
export function mysqlOptions(target: MysqlTarget): ConnectionOptions {
  return {
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    ...(target.database === undefined ? {} : { database: target.database }),
    ...(target.tls === undefined ? {} : { ssl: sslOf(target.tls) }),
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    enableKeepAlive: true,
    // Notices a dead peer of an idle connection, and keeps firewalls from forgetting it; the system's is two hours.
    keepAliveInitialDelay: 15_000,
    connectTimeout: 10_000,
  };
}

function sslOf({ ca: file, verify }: NonNullable<MysqlTarget['tls']>) {
  if (file === undefined) return { rejectUnauthorized: verify };
  try {
    const read = authorityFile(file);
    return {
      rejectUnauthorized: verify,
      /** The driver asks at each connection, those of a pool too. */
      get ca() {
        return read();
      },
    };
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', { problems: [`ca=${file} cannot be read`] }, cause);
  }
}

export function openPool(target: MysqlTarget, connections = 4): Pool {
  const { answerMs } = target;
  const pool = createPool({
    ...mysqlOptions(target),
    connectionLimit: connections,
    maxIdle: connections,
  });
  if (answerMs !== undefined) pool.on('connection', (made) => limitAnswers(made, answerMs));
  return pool;
}

/** @throws `<role>_ACCESS_DENIED` or `<role>_UNREACHABLE`, with host, port and user as facts. */
export async function openConnection(
  target: MysqlTarget,
  role: 'SOURCE' | 'STORE',
  more: ConnectionOptions = {},
): Promise<Connection> {
  try {
    const connection = await createConnection({ ...mysqlOptions(target), ...more });
    if (target.answerMs !== undefined) limitAnswers(connection, target.answerMs);
    return connection;
  } catch (cause) {
    throw mysqlError(cause, target, role);
  }
}

const denied = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
  'ER_SECURE_TRANSPORT_REQUIRED',
]);

/** The server's error as one of ours; what is not about reaching it is returned as it is. */
export function mysqlError(cause: unknown, target: MysqlTarget, role: 'SOURCE' | 'STORE'): unknown {
  const code = mysqlCode(cause);
  const facts = { host: target.host, port: target.port, user: target.user, code };
  if (code !== undefined && denied.has(code))
    return new AppError(`${role}_ACCESS_DENIED` satisfies ErrorCode, facts, cause);
  if (code === undefined ? isFatal(cause) : unreachable.test(code) || isOutOfCluster(cause))
    return new AppError(`${role}_UNREACHABLE` satisfies ErrorCode, facts, cause);
  return cause;
}

const unreachable =
  /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|PROTOCOL_|ER_CON_COUNT|ER_SERVER_SHUTDOWN|ER_CONNECTION_KILLED|HANDSHAKE_)/;

/** A Galera node that has no part in its cluster, or has rejoined and is not done yet. */
const isOutOfCluster = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('WSREP has not yet prepared node');

/** What the driver says of a connection that it has closed itself has no code. */
const isFatal = (error: unknown): boolean =>
  error instanceof Error && 'fatal' in error && error.fatal === true;

/** The `code` of a mysql2 or socket error, for example `ER_LOCK_DEADLOCK`. */
export function mysqlCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** `a`.`b` with back-ticks doubled: for schema and table names, which cannot be parameters. */
export const quoteName = (...parts: string[]): string =>
  parts.map((part) => '`' + part.replaceAll('`', '``') + '`').join('.');
