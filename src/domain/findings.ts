import type { Anomaly, AnomalyCode } from '../contracts/fold.ts';
import type { AccountId, EventId } from '../contracts/ids.ts';

type Facts = Anomaly['facts'];

/**
 * Collects the anomalies of one fold: one per code and event. The first keeps its facts; how often it
 * came again is counted in `times`, so that a storm of one kind stays one record.
 */
export class Findings {
  readonly #accountId: AccountId;
  readonly #found = new Map<string, Anomaly>();

  constructor(accountId: AccountId) {
    this.#accountId = accountId;
  }

  note(code: AnomalyCode, eventId: EventId | null, facts: Facts): void {
    const identity = `${code} ${eventId ?? ''}`;
    const before = this.#found.get(identity);
    const times = Number(before?.facts['times'] ?? 1) + 1;
    this.#found.set(
      identity,
      before === undefined
        ? { code, accountId: this.#accountId, eventId, facts }
        : { ...before, facts: { ...before.facts, times } },
    );
  }

  all(): Anomaly[] {
    return [...this.#found.values()];
  }
}
