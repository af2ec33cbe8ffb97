import { AppError, isAppError } from '../platform/errors.ts';
import { mysqlCode, mysqlError } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';

/** Somebody else held or took what we wanted: the same transaction may pass the next time. */
const busy = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD', 'ER_DUP_ENTRY']);

/** This connection, or this server, takes no more writes: another connection may (KILL, fail-over, Galera). */
const gone = new Set([
  'ER_QUERY_INTERRUPTED',
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_UNKNOWN_COM_ERROR',
  'ER_CLIENT_INTERACTION_TIMEOUT',
]);
const goneNumbers = new Set([1053, 1290, 1836, 1927, 4031]);

const missing = new Set(['ER_NO_SUCH_TABLE', 'ER_BAD_DB_ERROR']);

/** A statement's error as one of the catalogue; what the catalogue does not know is returned as it is. */
export function storeFault(error: unknown, target: MysqlTarget): unknown {
  if (isAppError(error)) return error;
  const code = mysqlCode(error);
  const errno = errorNumber(error);
  const facts = { host: target.host, port: target.port, code: code ?? errno };
  if (code !== undefined && busy.has(code)) return new AppError('STORE_BUSY', facts, error);
  if (code !== undefined && missing.has(code))
    return new AppError('STORE_SCHEMA_MISSING', facts, error);
  if (
    (code !== undefined && gone.has(code)) ||
    (errno !== undefined && goneNumbers.has(errno)) ||
    (error instanceof Error && error.message.includes('closed state'))
  )
    return new AppError('STORE_UNREACHABLE', facts, error);
  return mysqlError(error, target, 'STORE');
}

function errorNumber(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined;
  return typeof error.errno === 'number' ? error.errno : undefined;
}
