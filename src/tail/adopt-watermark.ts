import type { EpochMs } from '../contracts/time.ts';
import type { AdoptedChange } from './adopted-change.ts';
import type { AdoptedPlace } from './position.ts';

type Known = Pick<AdoptedPlace, 'inSnapshot' | 'lagMs'>;

/**
 * Source time that Debezium's records vouch for. A change says that all which committed before it has
 * been seen. A heartbeat only says that the connector lives: it counts when the last change showed that
 * the connector was not behind, and then less the lag that may have grown unseen.
 */
export class AdoptWatermark {
  readonly #maxLagMs: number;
  #inSnapshot: boolean;
  #lagMs: number | null;
  #streamedMs: EpochMs = -Infinity;
  #readMs: EpochMs = -Infinity;
  /** What kinds of changes came since the last `settled`. */
  #seen = { read: false, last: false, streamed: false };

  constructor(maxLagMs: number, known: Known) {
    this.#maxLagMs = maxLagMs;
    this.#inSnapshot = known.inSnapshot;
    this.#lagMs = known.lagMs;
  }

  /** To be kept with the position. */
  get known(): Known {
    return { inSnapshot: this.#isInSnapshot(), lagMs: this.#lagMs };
  }

  saw(change: AdoptedChange): void {
    // A session may have set its own time, but none that the connector had not reached yet.
    const atMs = Math.min(change.commitMs, change.processedMs);
    if (change.op === 'r') {
      this.#seen.read = true;
      if (change.snapshot === 'last') this.#seen.last = true;
      this.#readMs = Math.max(this.#readMs, atMs);
    } else {
      this.#seen.streamed = true;
      this.#streamedMs = Math.max(this.#streamedMs, atMs);
      this.#lagMs = change.processedMs - atMs;
    }
  }

  /** Everything processed before `settledMs` has been handed over. @returns null: nothing is known. */
  settled(settledMs: EpochMs): EpochMs | null {
    this.#inSnapshot = this.#isInSnapshot();
    this.#seen = { read: false, last: false, streamed: false };
    if (this.#inSnapshot) return null;
    const caughtUp = this.#lagMs !== null && this.#lagMs <= this.#maxLagMs;
    const idleMs = caughtUp ? settledMs - this.#maxLagMs : -Infinity;
    const atMs = Math.max(this.#streamedMs, this.#readMs, idleMs);
    return atMs === -Infinity ? null : atMs;
  }

  // Its last row, or a change that came after it, may be of a table that is not ours.
  #isInSnapshot(): boolean {
    const { read, last, streamed } = this.#seen;
    return last || streamed ? false : read || this.#inSnapshot;
  }
}
