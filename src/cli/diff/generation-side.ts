import type { MadeGeneration } from '../../aggregate/made-generation.ts';
import type { EpochMs } from '../../contracts/time.ts';
import { diffColumns, likenessKey } from '../../domain/diff.ts';
import type { DiffRow } from '../../domain/diff.ts';
import { quoteName } from '../../platform/mysql.ts';
import type { Pool, RowDataPacket } from '../../platform/mysql.ts';
import { toCells } from './cells.ts';
import { grouped } from './side.ts';
import type { Side } from './side.ts';

export interface Span {
  /** Windows that start before are left out. */
  readonly fromMs?: EpochMs | undefined;
  /** Windows that end after are left out. */
  readonly untilMs?: EpochMs | undefined;
}

const pageRows = 4000;
const columns = diffColumns.map((c) =>
  c === 'raw_usage' ? 'CAST(raw_usage AS CHAR) AS raw_usage' : quoteName(c),
);

/** The rows of a generation, read a page at a time along their primary key. */
export function generationSide(
  pool: Pool,
  schema: string,
  { id, name }: Pick<MadeGeneration, 'id' | 'name'>,
  span: Span = {},
): Side {
  const table = quoteName(schema, 'record');
  const { fromMs = 0, untilMs = Number.MAX_SAFE_INTEGER } = span;
  async function* read(natural: boolean): AsyncGenerator<DiffRow> {
    for (let after = fromMs - 1; ;) {
      const [[next]] = await pool.query<RowDataPacket[]>(
        `SELECT MIN(window_start_ms) AS w FROM ${table} WHERE generation = ? AND window_start_ms > ?`,
        [id, after],
      );
      if (next?.['w'] == null) return;
      after = Number(next['w']);
      yield* readWindow(after, natural);
    }
  }
  async function* readWindow(startMs: EpochMs, natural: boolean): AsyncGenerator<DiffRow> {
    let last: RowDataPacket | undefined;
    for (;;) {
      const more = last ? 'AND account_id >= ? AND (account_id > ? OR record_id > ?)' : '';
      const values = last ? [last['account_id'], last['account_id'], last['record_id']] : [];
      const [page] = await pool.query<RowDataPacket[]>(
        `SELECT account_id, record_id, usage_type, natural_key, kind, lineage, ${columns.join(', ')}
         FROM ${table} WHERE generation = ? AND window_start_ms = ? AND window_end_ms <= ? ${more}
         ORDER BY account_id, record_id LIMIT ${pageRows}`,
        [id, startMs, untilMs, ...values],
      );
      for (const row of page) yield toRow(row, startMs, natural);
      last = page.at(-1);
      if (page.length < pageRows) return;
    }
  }
  return {
    name,
    isGeneration: true,
    isJava: false,
    groups: (natural) => grouped(read(natural)),
  };
}

function toRow(row: RowDataPacket, windowStartMs: EpochMs, natural: boolean): DiffRow {
  const usageType = Number(row['usage_type']);
  const cells = toCells(row);
  const kind = String(row['kind']);
  return {
    accountId: String(row['account_id']),
    usageType,
    windowStartMs,
    key: natural ? String(row['natural_key']) : likenessKey(usageType, cells),
    recordId: (row['record_id'] as Buffer).toString('hex'),
    correction: kind === 'usage' ? null : kind,
    cells,
    events: [...String(row['lineage']).matchAll(/"(?:openedBy|closedBy)":"(\d+)"/g)].map(
      ([, event]) => event ?? '',
    ),
  };
}
