import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { EpochMs } from '../contracts/time.ts';
import type { Clock } from './clock.ts';

/**
 * How far a mark of event time is behind a clock, ms. It is reckoned whenever it is read, so that it rises
 * while the mark stands still, whatever the reason. 0 before the first mark.
 */
export class LagGauge {
  #mark: { readonly clock: Clock; readonly atMs: EpochMs } | null = null;

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly registers: Registry[];
  }) {
    const gauge: Gauge = new Gauge({
      ...options,
      collect: (): void => gauge.set(this.#lagMs()),
    });
  }

  /** From now on it is the time since `atMs`; null, which is no mark yet, changes nothing. */
  follow(clock: Clock, atMs: EpochMs | null): void {
    if (atMs !== null) this.#mark = { clock, atMs };
  }

  /** Somebody else has the work: nothing here is behind. */
  forget(): void {
    this.#mark = null;
  }

  #lagMs(): number {
    return this.#mark === null ? 0 : Math.max(0, this.#mark.clock.now() - this.#mark.atMs);
  }
}
