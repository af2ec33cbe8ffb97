import type { FoldEvent } from '../../src/contracts/fold.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { CloudContent } from '../support/cloud-content.ts';
import type { SqlChange } from '../support/sql-script.ts';

/** An event with the moment from which all can see it. */
export interface CommittedEvent {
  readonly event: FoldEvent;
  readonly commitMs: EpochMs;
}

/** All events of an input in the order of their commits, with all their details. */
export function committedEvents(changes: readonly SqlChange[]): CommittedEvent[] {
  const content = new CloudContent(changes);
  const commits = new Set(changes.map(({ atMs }) => atMs));
  const found: CommittedEvent[] = [];
  for (const commitMs of [...commits].toSorted((a, b) => a - b)) {
    content.advance(commitMs + 1);
    for (const event of content.arrivals()) found.push({ event, commitMs });
  }
  // Details come later than their events.
  return found.map(({ event, commitMs }) => ({ event: content.withDetails(event), commitMs }));
}
