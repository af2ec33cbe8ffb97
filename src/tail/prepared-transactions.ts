import type { Boundary, SourceChange } from './source.ts';

interface Prepared {
  readonly changes: readonly SourceChange[];
  readonly bytes: number;
  /** The last place before it. */
  readonly before: Boundary;
}

/**
 * XA transactions that were prepared and neither committed nor rolled back yet: the binlog has their
 * changes where they were prepared, and later only which of them were committed. Until then no place after
 * the oldest may be resumed from.
 */
export class PreparedTransactions {
  readonly #byXid = new Map<string, Prepared>();
  #bytes = 0;

  /** Bytes of the changes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  put(xid: string, prepared: Prepared): void {
    this.#byXid.set(xid, prepared);
    this.#bytes += prepared.bytes;
  }

  /** Its changes, once; null when it has none of ours. */
  take(xid: string): Prepared | null {
    const found = this.#byXid.get(xid) ?? null;
    this.#byXid.delete(xid);
    this.#bytes -= found?.bytes ?? 0;
    return found;
  }

  /** Where to resume from while `at` is reached. */
  hold(at: Boundary): Boundary {
    for (const { before } of this.#byXid.values()) return before;
    return at;
  }
}
