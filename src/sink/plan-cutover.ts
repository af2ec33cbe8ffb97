import type { Session } from './session.ts';
import {
  chargedAccounts,
  isAlike,
  pairOf,
  pairRows,
  pairValues,
  recordOf,
  sameKey,
  windowsOf,
} from './cutover-sql.ts';
import type { StoreTables } from './store-tables.ts';

/** What a cutover does, or would do, to the published rows. */
export interface CutoverCounts {
  readonly windows: number;
  readonly equal: number;
  readonly updated: number;
  readonly deleted: number;
  readonly inserted: number;
  /** Rows of windows that quota has charged and that would be otherwise: corrections. */
  readonly charged: number;
}

/**
 * Counts what differs between two generations in the windows that the first has published.
 * @throws STORE_*
 */
export async function planCutover(
  session: Session,
  t: StoreTables,
  from: number,
  to: number,
): Promise<CutoverCounts> {
  const charged = `LEFT JOIN (${chargedAccounts(t)}) f ON f.account_id = `;
  const isCharged = 'COALESCE(f.until_ms >= p.window_start_ms, FALSE)';
  const pairs = `(${pairRows(t)})`;
  const isKept = `(n.record_id IS NOT NULL AND (${isAlike}))`;
  const old = await session.row(
    `SELECT COALESCE(SUM(${isKept}), 0) AS equal,
       COALESCE(SUM(n.record_id IS NOT NULL AND NOT ${isKept} AND NOT ${isCharged}), 0) AS updated,
       COALESCE(SUM(n.record_id IS NULL AND NOT ${isCharged}), 0) AS deleted,
       COALESCE(SUM(${isCharged} AND NOT ${isKept}), 0) AS charged
     FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'o')}
     LEFT JOIN ${pairOf(pairs, 'o', 'from_record')}
     LEFT JOIN ${t.record} AS n ON n.generation = ? AND n.window_start_ms = o.window_start_ms
       AND n.account_id = o.account_id AND n.record_id = COALESCE(q.to_record, o.record_id)
     ${charged} o.account_id`,
    [from, from, ...pairValues(from, to), to, from],
  );
  const added = await session.row(
    `SELECT COALESCE(SUM(NOT ${isCharged}), 0) AS inserted, COALESCE(SUM(${isCharged}), 0) AS charged
     FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'n')}
     LEFT JOIN ${sameKey(t, 'o', 'n')} LEFT JOIN ${pairOf(pairs, 'n', 'to_record')}
     ${charged} n.account_id WHERE o.record_id IS NULL AND q.to_record IS NULL`,
    [from, to, from, ...pairValues(from, to), from],
  );
  const windows = await session.row(`SELECT COUNT(*) AS n FROM ${windowsOf(t)}`, [from]);
  return {
    windows: Number(windows?.['n']),
    equal: Number(old?.['equal']),
    updated: Number(old?.['updated']),
    deleted: Number(old?.['deleted']),
    inserted: Number(added?.['inserted']),
    charged: Number(old?.['charged']) + Number(added?.['charged']),
  };
}
