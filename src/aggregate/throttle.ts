import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../platform/clock.ts';

/** Holds work to a rate: each taker waits until those before it are paid for. */
export class Throttle {
  readonly perSecond: number;
  readonly #clock: Clock;
  #freeMs = 0;

  /** @param perSecond Records a second, over all takers; above 0. */
  constructor(perSecond: number, clock: Clock) {
    this.perSecond = perSecond;
    this.#clock = clock;
  }

  /** Resolves when `count` records may be worked on, or the signal aborts. */
  async take(count: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const startMs = Math.max(now, this.#freeMs);
    this.#freeMs = startMs + (count / this.perSecond) * 1000;
    if (startMs > now)
      await setTimeout(startMs - now, undefined, { signal }).catch(() => undefined);
  }
}
