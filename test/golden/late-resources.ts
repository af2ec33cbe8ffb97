import type { EpochMs } from '../../src/contracts/time.ts';
import { sqlMs } from '../support/sql-script.ts';
import type { CommittedEvent } from './committed-events.ts';
import { factsOfLine, resourceOfEvent } from './resources.ts';
import type { ServerWindows } from './server-windows.ts';

/**
 * Resources that had an event after the run of the window that it was created in: rows that a server
 * computed again say something new of them, and of others they are copies.
 */
export class LateResources {
  readonly #since = new Map<string, EpochMs>();
  readonly #windows: ServerWindows;

  constructor(
    events: readonly CommittedEvent[],
    { windows, delayMs }: { readonly windows: ServerWindows; readonly delayMs: number },
  ) {
    this.#windows = windows;
    for (const { event, commitMs } of events) {
      if (commitMs < windows.around(event.createdMs).endMs + delayMs) continue;
      const resource = resourceOfEvent(event);
      this.#since.set(resource, Math.min(event.createdMs, this.#since.get(resource) ?? Infinity));
    }
  }

  /** Whether the line's resource had such an event before the end of the line's window. */
  has(line: string): boolean {
    const { resource, startDate } = factsOfLine(line);
    const { endMs } = this.#windows.around(sqlMs(startDate) ?? 0);
    return (this.#since.get(resource) ?? Infinity) < endMs;
  }
}
