import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { BinlogPoint } from './binlog-point.ts';

/** When the binlog file that is read was made: after a RESET the same name belongs to another file. */
export class FileTime {
  #madeMs: EpochMs | null;

  /** @param expectedMs Of the file that reading begins in; null when it is not known. */
  constructor(expectedMs: EpochMs | null) {
    this.#madeMs = expectedMs;
  }

  get madeMs(): EpochMs | null {
    return this.#madeMs;
  }

  /** The next file begins. */
  rotate(): void {
    this.#madeMs = null;
  }

  /**
   * The first event of the file, which the server sends wherever reading begins, with its original time.
   * @throws TAIL_POSITION_PURGED when the file is another one than expected.
   */
  format(madeMs: EpochMs, at: BinlogPoint): void {
    if (madeMs <= 0) return;
    if (this.#madeMs !== null && this.#madeMs !== madeMs)
      throw new AppError('TAIL_POSITION_PURGED', {
        reason: 'the file was made anew (RESET)',
        ...at,
        made: new Date(madeMs).toISOString(),
        expected: new Date(this.#madeMs).toISOString(),
      });
    this.#madeMs = madeMs;
  }
}
