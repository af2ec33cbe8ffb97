import type { AccountId } from '../contracts/ids.ts';
import { list, multiRow } from './sql-text.ts';
import type { PartitionStore } from './store.ts';

/**
 * Enters accounts into the roster of a partition (table account_state), with an empty state.
 * @returns the accounts that are on the roster of another partition, with that partition.
 */
export async function registerAccounts(
  store: PartitionStore,
  accounts: readonly AccountId[],
): Promise<ReadonlyMap<AccountId, number>> {
  const foreign = new Map<AccountId, number>();
  const rows = accounts.map((id) => `(${store.generation},${id},${store.partition},'',0)`);
  for (const { sql, from, to } of multiRow(
    `INSERT IGNORE INTO account_state (generation, account_id, partition_id, state, folded_until_ms)
     VALUES`,
    rows,
    '',
    store.statementLimit / 16,
  )) {
    const { affectedRows } = await store.run(sql);
    if (affectedRows === to - from) continue;
    const standing = await store.rows<{ account_id: AccountId; partition_id: number }>(
      `SELECT account_id, partition_id FROM account_state
       WHERE generation=${store.generation} AND account_id IN ${list(accounts.slice(from, to))}
         AND partition_id<>${store.partition}`,
    );
    for (const row of standing) foreign.set(row.account_id, row.partition_id);
  }
  return foreign;
}
