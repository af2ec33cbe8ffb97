import type { Window } from '../contracts/time.ts';
import type { Generation } from './generation.ts';
import type { Session } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/** Rows of a window that say more hours than it has. */
export interface OverfullRows {
  readonly count: number;
  /** The first of them, as `account 3, type 1: 48 Hrs of "…"`. */
  readonly examples: readonly string[];
}

/** Bytes and requests are no hours; NICs of a machine share a row, so that theirs are added up. */
const otherTypes = [4, 5, 13, 21, 22, 23, 24, 29];

/** Each close adds a millisecond, as CloudStack counts. */
const toleranceMs = 1000;
const exampleCount = 10;

/**
 * The question of CloudStack's sanity check that only faults answer: did something bill for longer than the
 * window, such as a resource that was opened twice?
 *
 * @param window Published.
 */
export async function overfullRows(
  work: Session,
  t: StoreTables,
  { id }: Generation,
  { startMs, endMs }: Window,
): Promise<OverfullRows> {
  const rows = await work.rows(
    `SELECT account_id, usage_type, usage_display, description, COUNT(*) OVER () AS n
     FROM ${t.record}
     WHERE generation = ? AND window_start_ms = ? AND kind = 'usage'
       AND usage_type NOT IN (?) AND quantity > ?
     ORDER BY account_id, usage_type, record_id LIMIT ${exampleCount}`,
    [id, startMs, otherTypes, endMs - startMs + toleranceMs],
  );
  return {
    count: Number(rows[0]?.['n'] ?? 0),
    examples: rows.map(
      (row) =>
        `account ${String(row['account_id'])}, type ${String(row['usage_type'])}: ${String(row['usage_display'])} of "${String(row['description'])}"`,
    ),
  };
}
