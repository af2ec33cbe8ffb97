import type { Connection } from '../platform/mysql.ts';
import { rowHash } from './event-content.ts';
import type { HeldEvents } from './held-events.ts';
import type { Comparison } from './judge-history.ts';
import { eventsAbove } from './read-rows.ts';
import type { Layouts } from './read-rows.ts';

/** A {@link Comparison} with what is worth telling. */
export interface Compared extends Comparison {
  /** Content of the highest event that both have. */
  readonly equalHash: string | null;
  /** Ids up to that one under which the source has other content. */
  readonly conflicts: number;
  /** Events of the range that the feed has and the source has not. */
  readonly lostOnSource: number;
}

/** Compares the events of the source above an id with those of the feed. @param connection In a consistent view. */
export async function compareEvents(
  connection: Connection,
  layouts: Layouts,
  held: HeldEvents,
  range: { readonly above: string; readonly upTo: string; readonly limit: number },
  signal: AbortSignal,
): Promise<Compared> {
  const above = BigInt(range.above);
  let highestEqual: bigint | null = null;
  let equalHash: string | null = null;
  const conflicts: bigint[] = [];
  let met = 0;
  for (let after = range.above; !signal.aborted;) {
    const rows = await eventsAbove(connection, layouts, { ...range, above: after });
    for (const row of rows) {
      const id = String(row['id']);
      const hash = held.events.get(id);
      if (hash === undefined) continue;
      met += 1;
      if (rowHash(row) !== hash) conflicts.push(BigInt(id));
      else [highestEqual, equalHash] = [BigInt(id), hash];
    }
    if (rows.length < range.limit) break;
    after = String(rows.at(-1)!['id']);
  }
  let highestHeld: bigint | null = null;
  let inRange = 0;
  for (const key of held.events.keys()) {
    const id = BigInt(key);
    if (id <= above) continue;
    inRange += 1;
    if (highestHeld === null || id > highestHeld) highestHeld = id;
  }
  return {
    highestEqual,
    highestHeld,
    isWhole: held.isWhole && above === 0n,
    equalHash,
    conflicts: conflicts.filter((id) => highestEqual !== null && id < highestEqual).length,
    lostOnSource: inRange - met,
  };
}
