import type { Connection } from '../platform/mysql.ts';
import { appliedLagMs } from './replication.ts';
import { binlogEnd, serverClock } from './server-facts.ts';
import type { ClockSample } from './watermark.ts';

/** Asks the server for its clock and then for the end of its binlog, beside the work that goes on. */
export class ClockSampler {
  readonly #connection: Connection;
  readonly #everyMs: number;
  #startedMs = -Infinity;
  #asking = false;
  #sample: ClockSample | null = null;
  #fault: Error | null = null;
  readonly #onHeld: (isHeld: boolean) => void;
  #isHeld = false;

  /**
   * @param everyMs Time between two questions, ms.
   * @param onHeld Told when there are no samples because the server is a replica that cannot tell how far it is
   *   behind, and when there are again.
   */
  constructor(connection: Connection, everyMs: number, onHeld: (isHeld: boolean) => void) {
    this.#connection = connection;
    this.#everyMs = everyMs;
    this.#onHeld = onHeld;
  }

  /** The newest sample, once; null when there is none yet. @throws what the server said to the last question. */
  poll(): ClockSample | null {
    if (this.#fault !== null) throw this.#fault;
    const sample = this.#sample;
    this.#sample = null;
    if (!this.#asking && !sample && performance.now() - this.#startedMs >= this.#everyMs)
      void this.#ask();
    return sample;
  }

  // The order is the point: what was committed before the clock was read lies before the end, or is among what
  // a replica has yet to apply. If it cannot tell how old that is, there is no sample.
  async #ask(): Promise<void> {
    this.#asking = true;
    this.#startedMs = performance.now();
    try {
      const clockMs = await serverClock(this.#connection);
      const lagMs = await appliedLagMs(this.#connection);
      if (lagMs !== null)
        this.#sample = { clockMs: clockMs - lagMs, end: await binlogEnd(this.#connection) };
      const isHeld = lagMs === null;
      if (isHeld !== this.#isHeld) this.#onHeld(isHeld);
      this.#isHeld = isHeld;
    } catch (fault) {
      this.#fault = fault instanceof Error ? fault : new Error(String(fault));
    } finally {
      this.#asking = false;
    }
  }
}
