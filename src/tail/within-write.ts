import { AppError } from '../platform/errors.ts';
import { withTimeLimit } from '../platform/time-limit.ts';

/** Waits no longer than `ms` for a write to the log that may hang for good. @throws LOG_WRITE_FAILED then. */
export const withinWrite = <T>(ms: number, work: Promise<T>, what: string): Promise<T> =>
  withTimeLimit(ms, work, () => new AppError('LOG_WRITE_FAILED', { what, waitedMs: ms }));
