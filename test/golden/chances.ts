import type { FoldEvent } from '../../src/contracts/fold.ts';
import type { EventId } from '../../src/contracts/ids.ts';
import { compareU64 } from '../../src/contracts/ids.ts';
import type { EpochMs } from '../../src/contracts/time.ts';
import type { FaultClass } from './fault-classes.ts';
import type { Chance } from './java-model.ts';
import { resourceOfEvent } from './resources.ts';

/** One way in which chance may have gone for one resource, unlike ours. */
export interface Choice extends Chance {
  readonly class: Extract<FaultClass, 'tie' | 'random-row'>;
  /** Choices of one place exclude each other. */
  readonly place: string;
  /** When what is chosen from was created. */
  readonly atMs: EpochMs;
}

/** Permutations of more events than these are not tried one by one. */
const fewEvents = 4;

/**
 * All choices that a usage server leaves to its database, by resource: the order of events of one second,
 * and which of several details of one name counts.
 */
export function choicesOf(events: readonly FoldEvent[]): Map<string, Choice[]> {
  const found = new Map<string, Choice[]>();
  for (const [resource, own] of Map.groupBy(events, resourceOfEvent)) {
    const seconds = Map.groupBy(own, (event) => event.createdMs);
    const ties = [...seconds].flatMap(([ms, tied]) => ordersOf(ms, tied));
    const choices = [...ties, ...own.flatMap(detailsOf)];
    if (choices.length > 0) found.set(resource, choices);
  }
  return found;
}

/** Both; where they meet the second counts. */
export function combined(all: readonly Chance[]): Chance {
  return {
    rank: new Map(all.flatMap(({ rank }) => [...rank])),
    details: new Map(all.flatMap(({ details }) => [...details])),
  };
}

function ordersOf(atMs: EpochMs, tied: readonly FoldEvent[]): Choice[] {
  if (tied.length < 2) return [];
  const ids = tied.map(({ id }) => id).toSorted(compareU64);
  const orders = ids.length <= fewEvents ? permutations(ids).slice(1) : swaps(ids);
  return orders.map((order) => ({
    class: 'tie',
    place: String(atMs),
    atMs,
    // The event that is to come n-th has the id of the n-th.
    rank: new Map(order.map((id, n) => [id, ids[n] ?? id])),
    details: new Map(),
  }));
}

/** The given order first. */
function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, n) =>
    permutations(items.toSpliced(n, 1)).map((rest) => [item, ...rest]),
  );
}

/** All of them backwards, and each pair the other way round. */
function swaps(ids: readonly EventId[]): EventId[][] {
  const pairs = ids.flatMap((a, n) =>
    ids.slice(n + 1).map((b) => ids.map((id) => (id === a ? b : id === b ? a : id))),
  );
  return [ids.toReversed(), ...pairs];
}

function detailsOf(event: FoldEvent): Choice[] {
  return event.details.flatMap((detail, at) => {
    const first = event.details.findIndex(({ name }) => name === detail.name);
    if (first === at) return [];
    const details = [detail, ...event.details.toSpliced(at, 1)];
    const place = `${event.id} ${detail.name}`;
    return [
      {
        class: 'random-row',
        place,
        atMs: event.createdMs,
        rank: new Map(),
        details: new Map([[event.id, details]]),
      },
    ];
  });
}
