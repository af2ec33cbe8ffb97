import { AppError } from '../platform/errors.ts';
import type { CopyColumns } from './cloud-usage-columns.ts';
import { highestKnownId } from './copy-rows.ts';
import { pairOf, recordOf, sameKey, windowsOf } from './cutover-sql.ts';
import { rememberLastId } from './lease.ts';
import type { PublishContext } from './publish-window.ts';

/** The generation that is published, and the one that is to be. */
export interface Pair {
  readonly from: number;
  readonly to: number;
}

/**
 * Gives the records of the published windows their ids: the one under which the same row is published (by
 * key, or under another key), or else the one it had when this generation was live before, or else a new one, ascending by window, account,
 * type and key.
 */
export async function takeIds(context: PublishContext, { from, to }: Pair): Promise<void> {
  const { work, t, lease, cloudUsageSchema } = context;
  await work.run(
    `UPDATE ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'o')} STRAIGHT_JOIN ${sameKey(t, 'n', 'o')}
     SET n.cloud_usage_id = o.cloud_usage_id WHERE NOT (n.cloud_usage_id <=> o.cloud_usage_id)`,
    [from, from, to],
  );
  await work.run(
    `UPDATE ${t.cutoverPair} AS q
     STRAIGHT_JOIN ${t.record} AS o ON o.generation = ? AND o.window_start_ms = q.window_start_ms
       AND o.account_id = q.account_id AND o.record_id = q.from_record
     STRAIGHT_JOIN ${t.record} AS n ON n.generation = ? AND n.window_start_ms = q.window_start_ms
       AND n.account_id = q.account_id AND n.record_id = q.to_record
     SET n.cloud_usage_id = o.cloud_usage_id`,
    [from, to],
  );
  const base = await highestKnownId(work, t, cloudUsageSchema, '0');
  const { matched } = await work.run(
    `UPDATE (SELECT n.window_start_ms, n.account_id, n.record_id,
         ROW_NUMBER() OVER (ORDER BY n.window_start_ms, n.account_id, n.usage_type, n.natural_key, n.record_id) AS seq
       FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'n')} WHERE n.cloud_usage_id IS NULL) AS pending
     STRAIGHT_JOIN ${t.record} AS r ON r.generation = ? AND r.window_start_ms = pending.window_start_ms
       AND r.account_id = pending.account_id AND r.record_id = pending.record_id
     SET r.cloud_usage_id = CAST(? AS UNSIGNED) + pending.seq`,
    [from, to, to, base],
  );
  await rememberLastId(work, t, lease, String(BigInt(base) + BigInt(matched)));
}

/**
 * Makes the published rows those of the other generation: deletes, changes, inserts. Rows that are equal
 * are not written. A row that quota charged since the accounts with charges were looked up is left as it
 * is, and all is tried again.
 *
 * @throws STORE_BUSY when quota charged a row meanwhile; SINK_COPY_MISMATCH when the rows are not those that
 *   they should be: nothing must be committed
 */
export async function applyDifference(
  context: PublishContext,
  columns: CopyColumns,
  { from, to }: Pair,
): Promise<void> {
  const { work, t } = context;
  // No alias: a DELETE by one needs a database that is selected.
  const gone = `FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'o')}
     LEFT JOIN ${sameKey(t, 'n', 'o')} LEFT JOIN ${pairOf(t.cutoverPair, 'o', 'from_record')}
     JOIN ${t.cloudUsage} ON ${t.cloudUsage}.id = o.cloud_usage_id
     WHERE n.record_id IS NULL AND q.from_record IS NULL`;
  await work.run(`DELETE ${t.cloudUsage} ${gone} AND quota_calculated = 0`, [from, from, to]);
  const left = await work.row(`SELECT COUNT(*) AS n ${gone}`, [from, from, to]);
  const changed = `${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'n')}
     STRAIGHT_JOIN ${t.cloudUsage} AS c ON c.id = n.cloud_usage_id`;
  const pairs = columns.pairs('n');
  const isOther = pairs.map(({ target, source }) => `NOT (c.${target} <=> ${source})`).join(' OR ');
  await work.run(
    `UPDATE ${changed} SET ${pairs.map(({ target, source }) => `c.${target} = ${source}`).join(', ')}
     WHERE c.quota_calculated = 0 AND (${isOther})`,
    [from, to],
  );
  const stale = await work.row(
    `SELECT COUNT(*) AS n FROM ${changed} LEFT JOIN ${t.cutoverCharged} f ON f.account_id = n.account_id
     WHERE (f.until_ms IS NULL OR f.until_ms < n.window_start_ms) AND (${isOther})`,
    [from, to],
  );
  if (Number(left?.['n']) + Number(stale?.['n']) > 0)
    throw new AppError('STORE_BUSY', { reason: 'quota charged rows of the windows meanwhile' });
  await work.run(
    `INSERT INTO ${t.cloudUsage} (id, quota_calculated, ${columns.targets})
     SELECT n.cloud_usage_id, 0, ${pairs.map(({ source }) => source).join(', ')}
     FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'n')}
     LEFT JOIN ${t.cloudUsage} AS c ON c.id = n.cloud_usage_id WHERE c.id IS NULL
     ORDER BY n.cloud_usage_id`,
    [from, to],
  );
  const counts = await work.row(
    `SELECT COUNT(*) AS records, COUNT(c.id) AS published FROM ${windowsOf(t)}
     STRAIGHT_JOIN ${recordOf(t, 'n')} LEFT JOIN ${t.cloudUsage} AS c
       ON c.id = n.cloud_usage_id AND c.account_id = n.account_id AND c.usage_type = n.usage_type`,
    [from, to],
  );
  if (String(counts?.['records']) !== String(counts?.['published']))
    throw new AppError('SINK_COPY_MISMATCH', { ...counts });
}
