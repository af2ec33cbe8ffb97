import { quoteName } from '../platform/mysql.ts';
import type { Connection } from '../platform/mysql.ts';
import type { HeldEvents } from './held-events.ts';
import { firstRow } from './first-row.ts';

/** Positions of a polled source are none of a binlog. */
export const pollPlace = { end: { file: 'poll', pos: 0 }, gtid: null } as const;
/** What a poll cursor says before the first poll. */
export const unsettled = { settledId: null, settledDetailId: null } as const;

/**
 * An id above which to look for events that may be missing: below all that were created since an
 * instant, and below all that the end of the feed holds, whatever they say about their creation.
 */
export async function boundBefore(
  connection: Connection,
  cloudSchema: string,
  ms: number,
  held: HeldEvents,
): Promise<string> {
  let bound = BigInt(await eventBefore(connection, cloudSchema, ms));
  for (const key of held.events.keys()) {
    const id = BigInt(key) - 1n;
    if (id < bound) bound = id;
  }
  return String(bound);
}

/** About the highest id that was created before an instant; 0 when none was. */
async function eventBefore(
  connection: Connection,
  cloudSchema: string,
  ms: number,
): Promise<string> {
  if (ms === -Infinity) return '0';
  const row = await firstRow(
    connection,
    `SELECT CAST(e.id AS CHAR) id FROM ${quoteName(cloudSchema, 'usage_event')} e
     WHERE e.created < ? ORDER BY e.created DESC, e.id DESC LIMIT 1`,
    [new Date(ms).toISOString().slice(0, 19).replace('T', ' ')],
  );
  return row?.['id'] ?? '0';
}
