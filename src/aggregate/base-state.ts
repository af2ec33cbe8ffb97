import type { AccountId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { decodeState, encodeState } from '../domain/account-state.ts';
import type { BaseState } from '../domain/base-state.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Connection } from '../platform/mysql.ts';
import type { StoreReader } from './store.ts';

/** Where the past of an account begins; null when with its first event. */
export async function readBaseState(
  store: StoreReader,
  accountId: AccountId,
): Promise<BaseState | null> {
  const [row] = await store.rows<{ start_ms: string; state: string }>(
    `SELECT start_ms, state FROM base_state
     WHERE generation=${store.generation} AND account_id=${accountId}`,
  );
  return row === undefined
    ? null
    : { startMs: Number(row.start_ms), state: decodeState(row.state) };
}

export interface BaseAccount {
  readonly partition: number;
  readonly state: BaseState['state'];
}

/**
 * Lets a generation begin at the start of a window with these states, in the caller's transaction: what was
 * created before counts as billed, by whoever billed it. Before any worker has claimed a partition, and once.
 */
export async function beginWithStates(
  connection: Connection,
  schema: string,
  { generation, startMs }: { readonly generation: number; readonly startMs: EpochMs },
  accounts: readonly BaseAccount[],
): Promise<void> {
  const rows = accounts.map(({ partition, state }) => [
    ...[generation, state.accountId, partition, startMs, encodeState(state)],
  ]);
  for (let at = 0; at < rows.length; at += 500)
    await connection.query(
      `INSERT INTO ${quoteName(schema, 'base_state')}
         (generation, account_id, partition_id, start_ms, state) VALUES ?`,
      [rows.slice(at, at + 500)],
    );
  await beginAgain(connection, schema, generation);
}

/** Puts a generation that has base states back to where it began with them, in the caller's transaction. */
export async function beginAgain(
  connection: Connection,
  schema: string,
  generation: number,
): Promise<void> {
  const base = quoteName(schema, 'base_state');
  await connection.query(
    `INSERT INTO ${quoteName(schema, 'account_state')}
       (generation, account_id, partition_id, state, folded_until_ms)
     SELECT generation, account_id, partition_id, state, start_ms FROM ${base} WHERE generation = ?`,
    [generation],
  );
  await connection.query(
    `UPDATE ${quoteName(schema, 'progress')} AS p
     JOIN (SELECT MIN(start_ms) AS start_ms FROM ${base} WHERE generation = ?) AS b
     SET p.opened_ms = b.start_ms, p.closed_until_ms = b.start_ms
     WHERE p.generation = ? AND b.start_ms IS NOT NULL`,
    [generation, generation],
  );
}
