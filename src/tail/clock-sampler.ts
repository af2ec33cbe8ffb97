import type { Connection } from '../platform/mysql.ts';
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

  /** @param everyMs Time between two questions, ms. */
  constructor(connection: Connection, everyMs: number) {
    this.#connection = connection;
    this.#everyMs = everyMs;
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

  // The order is the point: what was committed before the clock was read lies before the end.
  async #ask(): Promise<void> {
    this.#asking = true;
    this.#startedMs = performance.now();
    try {
      const clockMs = await serverClock(this.#connection);
      this.#sample = { clockMs, end: await binlogEnd(this.#connection) };
    } catch (fault) {
      this.#fault = fault instanceof Error ? fault : new Error(String(fault));
    } finally {
      this.#asking = false;
    }
  }
}
