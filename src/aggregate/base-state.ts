import type { AccountId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { decodeState, encodeState } from '../domain/account-state.ts';
import type { BaseState } from '../domain/base-state.ts';
import { inTransaction } from '../platform/in-transaction.ts';
import { quoteName } from '../platform/mysql.ts';
import type { Connection, Pool, RowDataPacket } from '../platform/mysql.ts';
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

export interface BaseStart {
  readonly generation: number;
  readonly startMs: EpochMs;
  /** Statement that fills base_event (generation, first_id, last_id), when not every older event is in the states. */
  readonly eventsSql?: string;
}

const everyEvent = 'SELECT ?, 0, 18446744073709551615';

/**
 * Lets a generation begin at the start of a window with these states, in the caller's transaction: events
 * created before count as billed, by whoever billed them. Before any worker has claimed a partition, and once.
 *
 * @param pages Accounts, some hundreds a page: a page is one statement.
 */
export async function beginWithStates(
  connection: Connection,
  schema: string,
  { generation, startMs, eventsSql = everyEvent }: BaseStart,
  pages: AsyncIterable<readonly BaseAccount[]> | Iterable<readonly BaseAccount[]>,
): Promise<void> {
  await connection.query(
    `INSERT INTO ${quoteName(schema, 'base_event')} (generation, first_id, last_id) ${eventsSql}`,
    [generation],
  );
  for await (const page of pages) {
    const rows = page.map(({ partition, state }) => [
      ...[generation, state.accountId, partition, startMs, encodeState(state)],
    ]);
    if (rows.length > 0)
      await connection.query(
        `INSERT INTO ${quoteName(schema, 'base_state')}
           (generation, account_id, partition_id, start_ms, state) VALUES ?`,
        [rows],
      );
  }
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

/**
 * Lets a new generation have the past of another before its first event: base states, and which events are in
 * them. Nothing happens when the other has none, or when the new one has been begun.
 *
 * @param options.begins false: another part of its past is its beginning, a savepoint say.
 */
export async function copyBase(
  pool: Pool,
  schema: string,
  { from, to, begins = true }: { from: number; to: number; begins?: boolean },
): Promise<void> {
  const q = (table: string) => quoteName(schema, table);
  await inTransaction(pool, async (connection) => {
    const [progress] = await connection.query<RowDataPacket[]>(
      `SELECT epoch, next_offset, EXISTS (SELECT 1 FROM ${q('base_state')} WHERE generation = ?) AS begun
       FROM ${q('progress')} WHERE generation = ? FOR UPDATE`,
      [to, to],
    );
    const isNew = (row: RowDataPacket) =>
      ['epoch', 'next_offset', 'begun'].every((column) => Number(row[column]) === 0);
    if (progress.every(isNew)) {
      for (const [table, columns] of [
        ['base_state', 'account_id, partition_id, start_ms, state'],
        ['base_event', 'first_id, last_id'],
      ] as const)
        await connection.query(
          `INSERT INTO ${q(table)} (generation, ${columns})
           SELECT ?, ${columns} FROM ${q(table)} WHERE generation = ?`,
          [to, from],
        );
      if (begins) await beginAgain(connection, schema, to);
    }
  });
}
