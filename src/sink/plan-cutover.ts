import type { Session } from './session.ts';
import { chargedAccounts, isAlike, recordOf, sameKey, windowsOf } from './cutover-sql.ts';
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
  const old = await session.row(
    `SELECT COUNT(*) AS n,
       COALESCE(SUM(n.record_id IS NOT NULL AND ${isAlike}), 0) AS equal,
       COALESCE(SUM(n.record_id IS NOT NULL AND NOT (${isAlike}) AND NOT ${isCharged}), 0) AS updated,
       COALESCE(SUM(n.record_id IS NULL AND NOT ${isCharged}), 0) AS deleted,
       COALESCE(SUM(${isCharged} AND (n.record_id IS NULL OR NOT (${isAlike}))), 0) AS charged
     FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'o')}
     LEFT JOIN ${sameKey(t, 'n', 'o')} ${charged} o.account_id`,
    [from, from, to, from],
  );
  const added = await session.row(
    `SELECT COALESCE(SUM(NOT ${isCharged}), 0) AS inserted, COALESCE(SUM(${isCharged}), 0) AS charged
     FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'n')}
     LEFT JOIN ${sameKey(t, 'o', 'n')} ${charged} n.account_id WHERE o.record_id IS NULL`,
    [from, to, from, from],
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
