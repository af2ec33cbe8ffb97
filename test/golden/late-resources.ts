import type { EpochMs } from '../../src/contracts/time.ts';
import { sqlMs } from '../support/sql-script.ts';
import type { CommittedEvent } from './committed-events.ts';
import { factsOfLine, resourceOfEvent } from './resources.ts';

/**
 * Resources that had an event after the run of the window that it was created in: rows that a server
 * computed again say something new of them, and of others they are copies.
 */
export class LateResources {
  readonly #since = new Map<string, EpochMs>();
  readonly #rangeMs: number;

  constructor(
    events: readonly CommittedEvent[],
    { fromMs, rangeMs, delayMs }: { fromMs: EpochMs; rangeMs: number; delayMs: number },
  ) {
    this.#rangeMs = rangeMs;
    for (const { event, commitMs } of events) {
      const endMs = fromMs + Math.floor((event.createdMs - fromMs) / rangeMs + 1) * rangeMs;
      if (commitMs < endMs + delayMs) continue;
      const resource = resourceOfEvent(event);
      this.#since.set(resource, Math.min(event.createdMs, this.#since.get(resource) ?? Infinity));
    }
  }

  /** Whether the line's resource had such an event before the end of the line's window. */
  has(line: string): boolean {
    const { resource, startDate } = factsOfLine(line);
    const endMs = (sqlMs(startDate) ?? 0) + this.#rangeMs;
    return (this.#since.get(resource) ?? Infinity) < endMs;
  }
}
