import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { BinlogPoint } from './binlog-point.ts';
import type { LastXid } from './position.ts';
import type { Boundary } from './source.ts';

type KnownFile = Pick<Boundary, 'fileMs' | 'lastXid'>;

/** What tells the binlog file that is read from another one of the same name, as there is after a RESET. */
export class FileHistory {
  #madeMs: EpochMs | null;
  #lastXid: LastXid | null;

  /** @param expected Of the file that reading begins in. */
  constructor({ fileMs, lastXid }: KnownFile) {
    this.#madeMs = fileMs ?? null;
    this.#lastXid = lastXid ?? null;
  }

  get known(): Required<KnownFile> {
    return { fileMs: this.#madeMs, lastXid: this.#lastXid };
  }

  /** The next file begins. */
  rotate(): void {
    this.#madeMs = null;
    this.#lastXid = null;
  }

  /** @param pos Where the commit event begins; null: it was compressed and has no place of its own. */
  commit(xid: string, pos: number | null): void {
    this.#lastXid = pos === null ? null : { pos, xid };
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
