import type { Metrics } from '../platform/metrics.ts';

type Thing = 'event' | 'record' | 'deadLetter' | 'anomaly' | 'row' | 'correction' | 'window';

/** Counts of one transaction: they reach the metrics when it is committed, and are dropped with it. */
export class Tally {
  readonly #counts = new Map<string, { thing: Thing; label: string; count: number }>();
  readonly #totals = new Map<Thing, number>();

  add(thing: Thing, label = '', count = 1): void {
    if (count === 0) return;
    const key = `${thing} ${label}`;
    const counted = this.#counts.get(key);
    if (counted) counted.count += count;
    else this.#counts.set(key, { thing, label, count });
    this.#totals.set(thing, this.total(thing) + count);
  }

  total(thing: Thing): number {
    return this.#totals.get(thing) ?? 0;
  }

  publish(metrics: Metrics): void {
    for (const { thing, label, count } of this.#counts.values()) {
      if (thing === 'event') metrics.aggregateEvents.inc({ outcome: label }, count);
      else if (thing === 'record') metrics.aggregateRecords.inc({ kind: label }, count);
      else if (thing === 'deadLetter') metrics.aggregateDeadLetters.inc({ reason: label }, count);
      else if (thing === 'anomaly') metrics.aggregateAnomalies.inc({ code: label }, count);
      else if (thing === 'correction') metrics.aggregateCorrections.inc({ action: label }, count);
      else if (thing === 'row') metrics.aggregateRows.inc({ usage_type: label }, count);
      else metrics.aggregateWindows.inc(count);
    }
    this.clear();
  }

  clear(): void {
    this.#counts.clear();
    this.#totals.clear();
  }
}
