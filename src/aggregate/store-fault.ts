import { AppError, isAppError } from '../platform/errors.ts';
import { mysqlCode, mysqlError } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';

/** Errors after which the same unit of work may be tried again on the same connection. */
const conflicts = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_CHECKREAD']);

/** The server cannot write for now: a replica, a full disk, a shutdown. */
const unwritable = new Set([
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_READ_ONLY_MODE',
  'ER_DISK_FULL',
  'ER_RECORD_FILE_FULL',
  'ER_ERROR_ON_WRITE',
  'ER_QUERY_INTERRUPTED',
]);

const missing = new Set(['ER_NO_SUCH_TABLE', 'ER_BAD_DB_ERROR', 'ER_BAD_FIELD_ERROR']);

/** True for a deadlock or a lock timeout: roll back and do the whole unit again. */
export const isConflict = (error: unknown): boolean => conflicts.has(mysqlCode(error) ?? '');

/** True when the connection is of no more use, and so the outcome of what ran on it unknown. */
export const isLost = (error: unknown): boolean => isAppError(error, 'STORE_UNREACHABLE');

/** A server or socket error as one of the catalogue; what is in neither stays as it is: a bug. */
export function storeFault(error: unknown, target: MysqlTarget): unknown {
  if (isAppError(error)) return error;
  const known = mysqlError(error, target, 'STORE');
  if (isAppError(known)) return known;
  const code = mysqlCode(error) ?? null;
  const facts = { host: target.host, port: target.port, code };
  if (code !== null && missing.has(code)) return new AppError('STORE_SCHEMA_MISSING', facts, error);
  const isFatal = error instanceof Error && 'fatal' in error && error.fatal === true;
  if (isFatal || (code !== null && unwritable.has(code)))
    return new AppError('STORE_UNREACHABLE', facts, error);
  return error;
}
