import type { Generation } from './generation.ts';
import type { Session } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/** How many accounts wait for a repair, because their fold threw: their windows are published without them. */
export async function countIncomplete(
  session: Session,
  t: StoreTables,
  { id }: Generation,
): Promise<number> {
  const row = await session.row(
    `SELECT COUNT(incomplete_from_ms) AS n FROM ${t.accountState} WHERE generation = ?`,
    [id],
  );
  return Number(row?.['n'] ?? 0);
}
