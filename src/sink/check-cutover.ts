import { isSameSpec } from '../domain/window.ts';
import { AppError } from '../platform/errors.ts';
import { readFrontier } from './due-window.ts';
import { loadGeneration } from './generation.ts';
import type { Generation } from './generation.ts';
import type { Session } from './session.ts';
import type { StoreTables } from './store-tables.ts';

export interface CutoverCheck {
  readonly work: Session;
  readonly t: StoreTables;
  /** The one that is published. */
  readonly generation: Generation;
  /** Only a look: nothing is locked, and the other may be folded further first. */
  readonly isDry?: boolean;
}

/**
 * What speaks against putting one generation in another's place.
 * @returns the other
 * @throws CUTOVER_REFUSED with the reason
 */
export async function checkCutover(
  { work, t, generation, isDry = false }: CutoverCheck,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Generation> {
  const refuse = (reason: string, facts: object = {}): never => {
    throw new AppError('CUTOVER_REFUSED', { reason, ...facts });
  };
  if (generation.id !== from)
    refuse('another generation is live by now', { live: generation.name });
  const row = await work.row(
    `SELECT name, feed_topic, feed_partitions FROM ${t.generation} WHERE id = ? ${isDry ? '' : 'FOR UPDATE'}`,
    [to],
  );
  if (!row) return refuse('the generation is no more');
  if (
    String(row['feed_topic']) !== generation.feedTopic ||
    Number(row['feed_partitions']) !== generation.feedPartitions
  )
    refuse('it was folded from another feed: hand back and take over instead (docs/zones.md)', {
      feedTopic: row['feed_topic'],
      feedPartitions: row['feed_partitions'],
    });
  const { feedPartitions } = generation;
  const other = await loadGeneration(work, t, { name: String(row['name']), feedPartitions }, true);
  if (!other) return refuse('the generation is no more');
  const { spec } = generation;
  if (!isSameSpec(other.spec, spec))
    refuse('its windows are others', { live: spec, other: other.spec });
  const { publishedUntilMs } = await readFrontier(work, t, generation);
  const { closedUntilMs } = await readFrontier(work, t, other);
  const isBehind = publishedUntilMs !== null && (closedUntilMs ?? -Infinity) < publishedUntilMs;
  if (isBehind && !isDry)
    refuse('it has not closed all that is published: rebuild it further', {
      publishedUntil: new Date(publishedUntilMs).toISOString(),
      closedUntil: closedUntilMs === null ? null : new Date(closedUntilMs).toISOString(),
    });
  const waiting = await work.row(
    `SELECT COUNT(*) AS n FROM ${t.accountState} n
     LEFT JOIN ${t.accountState} o ON o.generation = ? AND o.account_id = n.account_id
     WHERE n.generation = ? AND n.incomplete_from_ms IS NOT NULL AND o.incomplete_from_ms IS NULL`,
    [from, to],
  );
  if (Number(waiting?.['n']) > 0)
    refuse('accounts of it wait for a repair (dead letters FOLD_BUG)', {
      accounts: waiting?.['n'],
    });
  return other;
}
