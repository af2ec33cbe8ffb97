import { AppError, isAppError } from '../platform/errors.ts';
import { mysqlError } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import type { BinlogPoint } from './binlog-point.ts';

/**
 * An error of the binlog stream as one of ours. What is neither about the connection nor about the
 * position is a change that could not be read: it stops the tail rather than being skipped.
 *
 * @see https://mariadb.com/kb/en/mariadb-error-code-reference/ 1236, 1945, 1955
 */
export function sourceFault(cause: unknown, target: MysqlTarget, at: BinlogPoint): AppError {
  // Where to go past it: not all that reads bytes knows it.
  if (isAppError(cause, 'TAIL_UNDECODABLE'))
    return new AppError(cause.code, { file: at.file, pos: at.pos, ...cause.facts }, cause.cause);
  if (cause instanceof AppError) return cause;
  const mapped = mysqlError(cause, target, 'SOURCE');
  if (mapped instanceof AppError) return mapped;
  const message = cause instanceof Error ? cause.message : String(cause);
  const errno = errnoOf(cause);
  const facts = { host: target.host, port: target.port, file: at.file, pos: at.pos, message };
  if (/same server_?(uu)?id/i.test(message))
    return new AppError('SOURCE_UNREACHABLE', { ...facts, reason: sameServerId }, cause);
  if (errno === 1236 && /max_allowed_packet/.test(message))
    return new AppError(
      'TAIL_UNDECODABLE',
      { ...facts, fix: 'SET GLOBAL slave_max_allowed_packet = 1073741824' },
      cause,
    );
  if (errno === 1236 && /shut(ting)? ?down|crash/i.test(message))
    return new AppError('SOURCE_UNREACHABLE', facts, cause);
  if (errno === 1236 || errno === 1945 || errno === 1955)
    return new AppError('TAIL_POSITION_PURGED', facts, cause);
  if (errno === 1227 || errno === 1044 || errno === 1142)
    return new AppError('SOURCE_ACCESS_DENIED', { ...facts, user: target.user }, cause);
  // Killed connections and servers that stop: all that a reconnect can heal.
  if (errno === 1053 || errno === 1077 || errno === 1317 || errno === 1927 || errno === 2013)
    return new AppError('SOURCE_UNREACHABLE', facts, cause);
  if (
    /closed state|ERR_STREAM|This socket has been ended|read ECONN|Control connection/i.test(
      message,
    )
  )
    return new AppError('SOURCE_UNREACHABLE', facts, cause);
  return new AppError('TAIL_UNDECODABLE', { ...facts, reason: message }, cause);
}

/** The server ends one of two readers with the same id, in words that differ and not always by 1236. */
export const sameServerId = 'another reader has our server id';

const errnoOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'errno' in error && typeof error.errno === 'number'
    ? error.errno
    : undefined;
