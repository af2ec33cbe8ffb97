import type { FoldEvent } from '../../src/contracts/fold.ts';
import type { AccountId, EventId } from '../../src/contracts/ids.ts';
import { compareU64 } from '../../src/contracts/ids.ts';
import { resourceOfEvent } from './resources.ts';

/** Another order of the events of one second: the id that each event has instead of its own. */
type Order = ReadonlyMap<EventId, EventId>;

/** Events of one resource of one account in one second: all orders but the one by id. */
interface Tie {
  readonly resource: string;
  readonly accountId: AccountId;
  readonly orders: readonly Order[];
}

/** More orders than these are not tried; a resource with so many ties stays unexplained. */
const maxVariants = 120;

/**
 * Orders that a usage server may have found for events of equal time. Each variant changes one or two
 * ties of every resource: resources do not touch each other, so that one variant tries them all.
 */
export class Ties {
  readonly #byResource: ReadonlyMap<string, readonly Tie[]>;

  constructor(events: readonly FoldEvent[]) {
    const groups = Map.groupBy(
      events,
      (event) => `${event.accountId} ${resourceOfEvent(event)} ${event.createdMs}`,
    );
    const ties = [...groups.values()].flatMap(tieOf);
    this.#byResource = Map.groupBy(ties, ({ accountId, resource }) => `${accountId} ${resource}`);
  }

  /** @param key Account and resource, with a blank between. */
  has(key: string): boolean {
    return this.#byResource.has(key);
  }

  /**
   * Functions that give an event of these resources the id by which it comes in another order, and
   * null for the events of others: they do not change the rows of these.
   */
  variants(keys: ReadonlySet<string>): ((event: FoldEvent) => FoldEvent | null)[] {
    const perResource = [...this.#byResource]
      .filter(([key]) => keys.has(key))
      .map(([, ties]) => ordersOf(ties));
    const count = Math.max(0, ...perResource.map((orders) => orders.length));
    return Array.from({ length: count }, (_, n) => {
      const ids = new Map(perResource.flatMap((orders) => [...(orders[n] ?? [])]));
      return (event: FoldEvent) => {
        const isOf = keys.has(`${event.accountId} ${resourceOfEvent(event)}`);
        return isOf ? { ...event, id: ids.get(event.id) ?? event.id } : null;
      };
    });
  }
}

/** One tie after the other, then pairs of ties. */
function ordersOf(ties: readonly Tie[]): Order[] {
  const single = ties.flatMap(({ orders }) => orders);
  const pairs = ties.flatMap((tie, n) =>
    ties
      .slice(n + 1)
      .flatMap((other) =>
        tie.orders.flatMap((a) => other.orders.map((b) => new Map([...a, ...b]))),
      ),
  );
  return [...single, ...pairs].slice(0, maxVariants);
}

function tieOf(events: readonly FoldEvent[]): Tie[] {
  const [first] = events;
  if (first === undefined || events.length < 2) return [];
  const ids = events.map(({ id }) => id).toSorted(compareU64);
  const orders = (events.length <= 4 ? permutations(ids) : [ids, ids.toReversed()])
    .slice(1)
    .map((order) => new Map(ids.map((id, n) => [id, order[n] ?? id])));
  return [{ resource: resourceOfEvent(first), accountId: first.accountId, orders }];
}

/** The given order first. */
function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, n) =>
    permutations(items.toSpliced(n, 1)).map((rest) => [item, ...rest]),
  );
}
