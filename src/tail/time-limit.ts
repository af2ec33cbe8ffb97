import type { ErrorCode } from '../contracts/error-codes.ts';
import { AppError } from '../platform/errors.ts';

/** Waits no longer than `ms` for work that may hang for good. @throws the error of `code` then; the work goes on unseen. */
export async function within<T>(
  ms: number,
  work: Promise<T>,
  code: ErrorCode,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError(code, { what, waitedMs: ms })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms` or as soon as the signal aborts, whichever is first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
