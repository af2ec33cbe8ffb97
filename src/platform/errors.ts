import { errorCodes } from '../contracts/error-codes.ts';
import type { ErrorCode, Retry } from '../contracts/error-codes.ts';

/** A fault that the caller cannot decide: a code of the catalogue, facts as data, the cause. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, facts: Record<string, unknown> = {}, cause?: unknown) {
    super(code, cause === undefined ? undefined : { cause });
    this.name = 'AppError';
    this.code = code;
    this.facts = facts;
  }

  get retry(): Retry {
    return errorCodes[this.code].retry;
  }

  /** One paragraph for a person: what, facts, what to do. */
  explain(): string {
    const facts = Object.entries(this.facts)
      .map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`)
      .join(' ');
    const cause = this.cause instanceof Error ? `\n  cause: ${this.cause.message}` : '';
    return `${this.code}${facts ? ` (${facts})` : ''}${cause}\n  what to do: ${errorCodes[this.code].fix}`;
  }
}

export const isAppError = (error: unknown, code?: ErrorCode): error is AppError =>
  error instanceof AppError && (code === undefined || error.code === code);
