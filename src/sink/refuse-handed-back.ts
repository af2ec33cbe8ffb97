import { AppError } from '../platform/errors.ts';
import type { Session } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/**
 * A generation that was handed back to a Java usage server is published no more, whoever starts a sink for it.
 * @throws SINK_HANDED_BACK
 */
export async function refuseHandedBack(
  session: Session,
  t: StoreTables,
  generation: { readonly id: number; readonly name: string },
): Promise<void> {
  const newest = await session.row(
    `SELECT kind, done_at FROM ${t.handover} WHERE generation = ? ORDER BY id DESC LIMIT 1`,
    [generation.id],
  );
  if (newest?.['kind'] !== 'handback') return;
  const { done_at: at } = newest;
  throw new AppError('SINK_HANDED_BACK', { generation: generation.name, at });
}
