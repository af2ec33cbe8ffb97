import type { Connection } from 'mysql2/promise';
import type { Window } from '../contracts/time.ts';
import { decodeState } from '../domain/account-state.ts';
import { helperChanges } from '../domain/helper-row.ts';
import { keptIntervals } from '../domain/kept-intervals.ts';
import type { QuirkSet } from '../domain/quirks.ts';
import { quoteName } from '../platform/mysql.ts';
import type { RowDataPacket } from '../platform/mysql.ts';

const accountsAtOnce = 200;
const rowsAtOnce = 500;

/**
 * Lets a generation that begins with a savepoint have the open intervals of its states as changes of the helper
 * tables: a cutover writes these tables from the changes alone, and what was opened before would be missing in
 * them. Intervals that were closed before the savepoint are not in the states; no usage server reads them.
 *
 * @param window The last that the savepoint has closed.
 */
export async function writeSavepointIntervals(
  connection: Connection,
  schema: string,
  begin: {
    readonly savepoint: number;
    readonly generation: number;
    readonly window: Window;
    readonly quirks: QuirkSet;
  },
): Promise<void> {
  const { savepoint, generation, window, quirks } = begin;
  for (let after = '0'; ;) {
    const [states] = await connection.query<RowDataPacket[]>(
      `SELECT account_id, state FROM ${quoteName(schema, 'savepoint_state')}
       WHERE savepoint = ? AND account_id > CAST(? AS UNSIGNED)
       ORDER BY account_id LIMIT ${accountsAtOnce}`,
      [savepoint, after],
    );
    if (states.length === 0) return;
    after = String(states.at(-1)?.['account_id']);
    const rows = states.flatMap(({ account_id: account, state: text }) => {
      if (text === '') return [];
      const state = decodeState(String(text));
      const changed = keptIntervals(state.intervals, window.endMs, quirks);
      const none = { network: [], disk: [] };
      return helperChanges({ changed, growth: none }, state.domainId, window).map(
        ({ table, serial, eventId, cells }) => [
          ...[generation, window.startMs, table, account as unknown, serial, eventId ?? 0],
          JSON.stringify(cells),
        ],
      );
    });
    for (let at = 0; at < rows.length; at += rowsAtOnce)
      await connection.query(
        `INSERT INTO ${quoteName(schema, 'helper_change')}
           (generation, window_start_ms, table_name, account_id, serial, event_id, body) VALUES ?`,
        [rows.slice(at, at + rowsAtOnce)],
      );
  }
}
