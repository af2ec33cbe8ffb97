import type { FoldEvent } from '../../src/contracts/fold.ts';
import { compareU64 } from '../../src/contracts/ids.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import { sqlMs } from '../support/sql-script.ts';
import type { FaultClass } from './fault-classes.ts';
import { factsOfLine, resourceOfEvent } from './resources.ts';

/** An event with the moment from which all can see it. */
export interface CommittedEvent {
  readonly event: FoldEvent;
  readonly commitMs: EpochMs;
}

/** Since when a resource may differ, by class. */
type Suspicion = ReadonlyMap<string, EpochMs>;

/**
 * Resources whose input holds something that a usage server handles in an order of its own, so that
 * no model can tell its rows. A row is suspect when its resource is, and its window ends after that.
 */
export class Suspects {
  readonly #byClass: readonly (readonly [FaultClass, Suspicion])[];
  readonly #rangeMs: number;

  constructor(
    events: readonly CommittedEvent[],
    { fromMs, rangeMs, delayMs }: { fromMs: EpochMs; rangeMs: number; delayMs: number },
  ) {
    this.#rangeMs = rangeMs;
    this.#byClass = [
      ['late-event', lateEvents(events, { fromMs, rangeMs, delayMs })],
      ['random-row', randomRows(events)],
      ['cross-account', crossAccount(events)],
    ];
  }

  classOf(line: string): FaultClass | null {
    const { resource, startDate } = factsOfLine(line);
    const endMs = (sqlMs(startDate) ?? 0) + this.#rangeMs;
    const found = this.#byClass.find(([, since]) => (since.get(resource) ?? Infinity) < endMs);
    return found?.[0] ?? null;
  }
}

/** Events that committed after the run of the window that they were created in. */
function lateEvents(
  events: readonly CommittedEvent[],
  { fromMs, rangeMs, delayMs }: { fromMs: EpochMs; rangeMs: number; delayMs: number },
): Suspicion {
  const late = events.filter(({ event, commitMs }) => {
    const endMs = fromMs + Math.floor((event.createdMs - fromMs) / rangeMs + 1) * rangeMs;
    return commitMs >= endMs + delayMs;
  });
  return earliest(late.map(({ event }) => event));
}

/** Backup metrics while several rows are open, and details whose name occurs twice. */
function randomRows(events: readonly CommittedEvent[]): Suspicion {
  const open = new Map<string, number>();
  return earliest(
    inOrder(events).filter((event) => {
      const key = `${event.resourceId} ${event.offeringId}`;
      if (event.type === 'BACKUP.OFFERING.ASSIGN') open.set(key, (open.get(key) ?? 0) + 1);
      if (event.type === 'BACKUP.OFFERING.BACKUPS.DEL') open.delete(key);
      if (event.type === 'BACKUP.USAGE.METRIC') return (open.get(key) ?? 0) > 1;
      return new Set(event.details.map(({ name }) => name)).size < event.details.length;
    }),
  );
}

/** What an event opens or closes, where the server looks for open rows whatever their account. */
const slots: Readonly<Record<string, readonly ['open' | 'close', string]>> = {
  'VM.CREATE': ['open', 'allocated'],
  'VM.UPGRADE': ['open', 'allocated'],
  'VM.DESTROY': ['close', 'allocated'],
  'VM.START': ['open', 'running'],
  'VM.DYNAMIC.SCALE': ['open', 'running'],
  'VM.STOP': ['close', 'running'],
  'BACKUP.OFFERING.ASSIGN': ['open', 'backup'],
  'BACKUP.OFFERING.BACKUPS.DEL': ['close', 'backup'],
  'NETWORK.CREATE': ['open', 'network'],
  'NETWORK.UPDATE': ['open', 'network'],
  'NETWORK.DELETE': ['close', 'network'],
  'VPC.CREATE': ['open', 'vpc'],
  'VPC.DELETE': ['close', 'vpc'],
};

/** Events of one account about what is open in another. */
function crossAccount(events: readonly CommittedEvent[]): Suspicion {
  const open = new Map<string, Map<string, Set<string>>>();
  return earliest(
    inOrder(events).filter((event) => {
      const resource = resourceOfEvent(event);
      const of = open.get(resource) ?? new Map<string, Set<string>>();
      open.set(resource, of);
      const isForeign = [...of.values()].some((accounts) =>
        [...accounts].some((id) => id !== event.accountId),
      );
      const [change, slot] = slots[event.type] ?? [];
      if (slot !== undefined) {
        const accounts = of.get(slot) ?? new Set();
        of.set(slot, accounts);
        if (change === 'open') accounts.add(event.accountId);
        else accounts.delete(event.accountId);
      }
      return isForeign;
    }),
  );
}

const inOrder = (events: readonly CommittedEvent[]): FoldEvent[] =>
  events
    .map(({ event }) => event)
    .toSorted((a, b) => a.createdMs - b.createdMs || compareU64(a.id, b.id));

function earliest(events: readonly FoldEvent[]): Suspicion {
  const since = new Map<string, EpochMs>();
  for (const event of events) {
    const resource = resourceOfEvent(event);
    since.set(resource, Math.min(event.createdMs, since.get(resource) ?? Infinity));
  }
  return since;
}
