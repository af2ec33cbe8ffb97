import type { Gauge } from 'prom-client';
import { errorCodes } from '../contracts/error-codes.ts';
import type { ErrorCode } from '../contracts/error-codes.ts';
import type { AppError } from './errors.ts';

/** What fails and heals by itself: the stages, and the sink's topics, which do not hold up its tables. */
export type Part = 'tail' | 'aggregate' | 'sink' | 'topics';

/** Passwords, rights and certificates are changed while we run; at a start a wrong one has to be told. */
const heals = new Set<ErrorCode>([
  'SOURCE_ACCESS_DENIED',
  'STORE_ACCESS_DENIED',
  'LOG_ACCESS_DENIED',
  'LOG_TLS_FAILED',
]);

/** The faults that parts of this process wait for to be over; for /readyz, metrics, and what to do next. */
export class Faults {
  readonly #gauge: Gauge<'part' | 'code'>;
  readonly #now = new Map<Part, ErrorCode>();
  readonly #worked = new Set<Part>();

  constructor(gauge: Gauge<'part' | 'code'>) {
    this.#gauge = gauge;
  }

  /** The part cannot work for now, and tries again. */
  note(part: Part, code: ErrorCode): void {
    this.end(part);
    this.#now.set(part, code);
    this.#gauge.set({ part, code }, 1);
  }

  /** The part works, or works again. */
  clear(part: Part): void {
    this.#worked.add(part);
    this.end(part);
  }

  /**
   * Whether waiting may heal it. What an operator must mend ends the process, but for a right or a
   * password that was good before: that is changed at the server.
   */
  mayHeal(part: Part, { code }: AppError): boolean {
    return errorCodes[code].retry !== 'never' || (heals.has(code) && this.#worked.has(part));
  }

  /** What is wrong now, with what to do about it. */
  list(): { part: Part; code: ErrorCode; fix: string }[] {
    return [...this.#now].map(([part, code]) => ({ part, code, fix: errorCodes[code].fix }));
  }

  /** Nothing keeps the part from working, whether there is work for it or not. */
  end(part: Part): void {
    const code = this.#now.get(part);
    if (code === undefined) return;
    this.#now.delete(part);
    this.#gauge.remove({ part, code });
  }
}
