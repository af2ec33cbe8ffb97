import { AppError } from '../platform/errors.ts';
import { withTimeLimit } from '../platform/time-limit.ts';

/** Waits no longer than `ms` for what the source is asked. @throws SOURCE_UNREACHABLE then; the question goes on unseen. */
export const withinAnswer = <T>(ms: number, question: Promise<T>, what: string): Promise<T> =>
  withTimeLimit(ms, question, () => new AppError('SOURCE_UNREACHABLE', { what, waitedMs: ms }));
