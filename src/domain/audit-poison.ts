import type { EventId } from '../contracts/ids.ts';
import { compareU64 } from '../contracts/ids.ts';

/** An event that every run of the Java server undoes: processed is 0 and its time is billed. */
export interface StuckEvent {
  readonly id: EventId;
  readonly type: string;
  readonly accountId: string;
  readonly created: string;
}

export interface Poison {
  readonly event: StuckEvent;
  readonly why: string;
}

/**
 * Names the event that undoes the others. It is one whose helper row cannot be stored; when none is known,
 * it is the last of the stuck ones by (created, id), for those before it are undone with it.
 *
 * @param last       The last stuck event.
 * @param unstorable Stuck events whose helper row cannot be stored, with the reason.
 */
export function findPoison(last: StuckEvent | null, unstorable: readonly Poison[]): Poison | null {
  if (last === null) return null;
  const named = unstorable.toSorted(
    (a, b) => compareText(a.event.created, b.event.created) || compareU64(a.event.id, b.event.id),
  );
  return (
    named.at(-1) ?? {
      event: last,
      why: 'the last of the stuck events; why it fails is in the log of the Java server (a lock timeout, a value that its table cannot hold)',
    }
  );
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
