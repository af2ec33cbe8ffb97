import { AppError, isAppError } from './errors.ts';
import { mysqlCode, mysqlError } from './mysql.ts';
import type { MysqlTarget } from './mysql.ts';

/** Somebody else held or took the same rows: roll back and do the whole unit again. */
const busy = new Set([
  1020, // record changed since it was read (Galera, snapshot isolation)
  1205, // lock wait timeout
  1206, // lock table full
  1213, // deadlock
  1969, // max_statement_time (MariaDB)
  3024, // max_execution_time (MySQL)
]);

/** This connection, or this server for now, does no more for us: another connection may. */
const unreachable = new Set([
  ...[3, 1021, 1026, 1030, 1114, 1598], // disk or table space full, or not writable
  ...[1037, 1038, 1041], // out of memory
  ...[1040, 1129, 1203, 1226], // too many connections, host blocked, limit of the user
  ...[1047, 1180], // Galera: node not ready; a commit that was not certified
  ...[1053, 1077, 1079, 1317, 1927, 4031], // shutdown, KILL, idle for too long
  ...[1153, 1158, 1159, 1160, 1161], // packet too large (its limit is read again), network
  ...[1290, 1836, 1874], // read-only: a fail-over is under way, or this is the wrong server
]);

const denied = new Set([
  ...[1044, 1045, 1130, 1142, 1143, 1227, 1370, 1698],
  ...[1820, 1862, 3118, 4151], // password expired, account locked
]);

/** Table, schema or column unknown: an older schema than this build's. */
const missing = new Set([1049, 1054, 1146]);

/** True for a deadlock or a lock timeout, mapped or not: roll back and do the whole unit again. */
export const isBusy = (error: unknown): boolean =>
  isAppError(error, 'STORE_BUSY') || busy.has(errorNumber(error) ?? 0);

/** True when the connection is of no more use, and so the outcome of what ran on it unknown. */
export const isLost = (error: unknown): boolean => isAppError(error, 'STORE_UNREACHABLE');

/**
 * An error of the store's server or socket as one of the catalogue; what is in neither stays as it is: a bug.
 *
 * @param duplicates `busy` where a rival may have taken an id meanwhile: a duplicate key is tried again.
 * @see https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
 */
export function storeFault(
  error: unknown,
  target: MysqlTarget,
  duplicates: 'busy' | 'bug' = 'bug',
): unknown {
  if (isAppError(error)) return error;
  const { host, port, user } = target;
  const errno = errorNumber(error) ?? 0;
  const facts = { host, port, code: mysqlCode(error) ?? errno };
  if (busy.has(errno) || (duplicates === 'busy' && errno === 1062))
    return new AppError('STORE_BUSY', facts, error);
  if (denied.has(errno)) return new AppError('STORE_ACCESS_DENIED', { ...facts, user }, error);
  if (missing.has(errno)) return new AppError('STORE_SCHEMA_MISSING', facts, error);
  if (unreachable.has(errno) || isDead(error))
    return new AppError('STORE_UNREACHABLE', facts, error);
  return mysqlError(error, target, 'STORE');
}

/** The driver's own errors of a connection that has ended. */
const isDead = (error: unknown): boolean =>
  error instanceof Error &&
  (('fatal' in error && error.fatal === true) || error.message.includes('closed state'));

function errorNumber(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined;
  return typeof error.errno === 'number' ? error.errno : undefined;
}
