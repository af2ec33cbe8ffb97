import type { Window } from '../contracts/time.ts';
import { comparedColumns } from '../domain/row-columns.ts';
import type { PublishContext } from './publish-window.ts';

/**
 * Why a published row was not changed: no table of CloudStack is written; the sink runs without
 * `--corrections amend`; quota is on; quota has charged rows of that window; there is no row of ours, or
 * it would go below nothing.
 */
export type AmendRefusal = 'SHADOW' | 'NOT_ALLOWED' | 'QUOTA_ON' | 'CHARGED' | 'NOT_PUBLISHED';

const heldColumns = [
  ...['generation', 'window_start_ms', 'account_id', 'record_id', 'window_end_ms', 'partition_id'],
  ...['kind', 'usage_type', 'natural_key', 'quantity', 'domain_id', 'usage_display', 'raw_usage'],
  ...['lineage', ...comparedColumns],
].map((name) => `\`${name}\``);

/**
 * Makes planned amends ledger entries, and moves their held rows of missing time among the rows of the window
 * that is being published, in the open transaction.
 */
export async function refuseAmends(
  { work, t, generation }: PublishContext,
  window: Window,
  some: readonly {
    readonly accountId: string;
    readonly windowStartMs: string;
    readonly id: Buffer;
  }[],
  why: AmendRefusal,
): Promise<void> {
  if (some.length === 0) return;
  const keys = some.map(({ accountId, windowStartMs, id }) => [accountId, windowStartMs, id]);
  const ofThese = `c.generation = ? AND (c.account_id, c.window_start_ms, c.correction_id) IN (?)`;
  const columns = heldColumns.join(', ');
  await work.run(
    `INSERT INTO ${t.record} (${columns})
     SELECT ${heldColumns.map((name) => `h.${name}`).join(', ')}
     FROM ${t.correction} AS c STRAIGHT_JOIN ${t.heldRecord} AS h ON h.generation = c.generation
       AND h.window_start_ms = c.made_start_ms AND h.account_id = c.account_id
       AND h.record_id = c.appended_record_id
     WHERE ${ofThese} AND c.made_start_ms = ?`,
    [generation.id, keys, window.startMs],
  );
  await work.run(
    `UPDATE ${t.correction} AS c SET c.state = 'refused', c.state_reason = ? WHERE ${ofThese}`,
    [why, generation.id, keys],
  );
}
