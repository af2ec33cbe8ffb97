import type { EpochMs, Window } from '../../contracts/time.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import { diffColumns, likenessKey } from '../../domain/diff.ts';
import type { DiffRow } from '../../domain/diff.ts';
import { dateMs } from '../../domain/java-fault.ts';
import { nextWindow, windowOf } from '../../domain/window.ts';
import type { WindowSpec } from '../../domain/window.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { toCells } from './cells.ts';
import type { Span } from './generation-side.ts';
import { grouped } from './side.ts';
import type { Side } from './side.ts';

const pageRows = 4000;
const columns = diffColumns.map((c) =>
  c === 'raw_usage' ? 'CAST(raw_usage AS CHAR) AS raw_usage' : quoteName(c),
);

/**
 * The rows of a table `cloud_usage`: the live one, or a Java server's. Read window by window along the
 * index of start_date, and in it a page at a time by account and id.
 */
export function tableSide(
  pool: Pool,
  options: { name: string; cloudUsageSchema: string; spec: WindowSpec; isJava: boolean } & Span,
): Side {
  const table = quoteName(options.cloudUsageSchema, 'cloud_usage');
  const { spec, fromMs, untilMs = Infinity } = options;
  async function* read(): AsyncGenerator<DiffRow> {
    const [[ends]] = await pool.query<RowDataPacket[]>(
      `SELECT MIN(start_date) AS first, MAX(start_date) AS last FROM ${table}`,
    );
    const first = dateMs(ends?.['first'] as string | null);
    const last = dateMs(ends?.['last'] as string | null);
    if (first === null || last === null) return;
    let window = windowOf(Math.max(first, fromMs ?? first), spec);
    for (; window.startMs <= last && window.endMs <= untilMs; window = nextWindow(window, spec))
      yield* readWindow(window);
  }
  async function* readWindow(window: Window): AsyncGenerator<DiffRow> {
    let last: RowDataPacket | undefined;
    for (;;) {
      const more = last ? 'AND (account_id > ? OR (account_id = ? AND id > ?))' : '';
      const values = last ? [last['account_id'], last['account_id'], last['id']] : [];
      const [page] = await pool.query<RowDataPacket[]>(
        `SELECT id, account_id, usage_type, ${columns.join(', ')} FROM ${table}
         WHERE start_date >= ? AND start_date < ? ${more} ORDER BY account_id, id LIMIT ${pageRows}`,
        [sqlDateTime(window.startMs), sqlDateTime(window.endMs), ...values],
      );
      for (const row of page) yield tableRow(row, window.startMs);
      last = page.at(-1);
      if (page.length < pageRows) return;
    }
  }
  return {
    name: options.name,
    isGeneration: false,
    isJava: options.isJava,
    groups: () => grouped(read()),
  };
}

/** A row of cloud_usage as it compares. */
export function tableRow(row: Readonly<Record<string, unknown>>, windowStartMs: EpochMs): DiffRow {
  const usageType = Number(row['usage_type']);
  const cells = toCells(row);
  return {
    accountId: String(row['account_id']),
    usageType,
    windowStartMs,
    key: likenessKey(usageType, cells),
    recordId: null,
    correction: null,
    cells,
    events: [],
  };
}
