import { z } from 'zod';
import type { ColumnValue, RowImage, SnapshotMarker } from '../contracts/change-event.ts';
import { sqlDateTime } from '../contracts/time.ts';
import type { EpochMs } from '../contracts/time.ts';
import { AppError } from '../platform/errors.ts';
import type { CapturedTable } from './captured-tables.ts';
import type { ColumnKind } from './column-types.ts';
import { debeziumPayload } from './debezium-payload.ts';
import type { SourceChange } from './source.ts';
import type { TableLayout } from './table-layout.ts';

/** A change that was read from a Debezium topic, with when its connector came to it. */
export interface AdoptedChange extends SourceChange {
  readonly processedMs: EpochMs;
}

const markers: ReadonlySet<string> = new Set([
  'first',
  'first_in_data_collection',
  'true',
  'last_in_data_collection',
  'last',
  'false',
] satisfies SnapshotMarker[]);

const Row = z.record(z.string(), z.unknown()).nullable().optional();
const Envelope = z.object({
  op: z.enum(['c', 'u', 'd', 'r', 't', 'm']),
  before: Row,
  after: Row,
  ts_ms: z.number(),
  source: z.object({
    connector: z.enum(['mariadb', 'mysql']),
    ts_ms: z.number(),
    snapshot: z.union([z.string(), z.boolean()]).nullish(),
    db: z.string(),
    table: z.string().nullable(),
    server_id: z.number(),
    gtid: z.string().nullish(),
    file: z.string(),
    pos: z.number(),
    row: z.number(),
  }),
});

/** The text columns and the dates of captured tables; all others are whole numbers. */
const textColumns = new Set(
  'name value instance account_name uuid public_ip_address device_type resource_name resource_type'.split(
    ' ',
  ),
);
const dateColumns = new Set(['created', 'removed']);

function kindOf(table: CapturedTable, column: string): ColumnKind {
  if (dateColumns.has(column)) return 'datetime-ms';
  const isText = textColumns.has(column) || (column === 'type' && table.name === 'usage_event');
  return isText ? 'text' : 'unsigned-bigint';
}

/** A captured table with all columns of the allow-list: which ones a Debezium has shows in each record. */
export function adoptedLayout(db: string, table: CapturedTable): TableLayout {
  const columns = table.columns.map(({ name, nullable }) => ({
    name,
    nullable,
    kind: kindOf(table, name),
  }));
  return { db, table, columns, key: columns.find(({ name }) => name === table.primaryKey)! };
}

/**
 * Reads the value of a record of a Debezium topic, with or without its schema.
 *
 * @returns null for what is no row change (a truncated table, a message) or a row that is not captured.
 * @throws ADOPT_UNREADABLE when it is no envelope, one of another version, or lacks a column that is needed.
 */
export function adoptedChange(text: string, layout: TableLayout): AdoptedChange | null {
  const payload = Envelope.safeParse(debeziumPayload(text));
  if (!payload.success)
    throw new AppError('ADOPT_UNREADABLE', {
      reason: 'not an envelope of a Debezium for MariaDB or MySQL',
      problems: payload.error.issues.map((each) => `${each.path.join('.')}: ${each.message}`),
    });
  const { op, source, ts_ms: processedMs } = payload.data;
  if (op === 't' || op === 'm') return null;
  const before = image(layout, payload.data.before ?? null);
  const after = image(layout, payload.data.after ?? null);
  const row = after ?? before;
  if (row === null || (op === 'd' ? before : after) === null)
    throw new AppError('ADOPT_UNREADABLE', { reason: 'a change without its row', op });
  const { only } = layout.table;
  if (only && !only.values.has(String(row[only.column]))) return null;
  const marker = String(source.snapshot ?? 'false');
  return {
    db: layout.db,
    table: layout.table.name,
    op,
    before,
    after,
    layout,
    position: { gtid: source.gtid ?? null, file: source.file, pos: source.pos, row: source.row },
    serverId: source.server_id,
    commitMs: source.ts_ms,
    eventMs: source.ts_ms,
    // An incremental snapshot has a marker of its own.
    snapshot: markers.has(marker) ? (marker as SnapshotMarker) : 'true',
    processedMs,
  };
}

function image(layout: TableLayout, row: Record<string, unknown> | null): RowImage | null {
  if (row === null) return null;
  const values: Record<string, ColumnValue> = {};
  for (const [i, { name, kind }] of layout.columns.entries()) {
    const value = row[name];
    if (value === undefined) {
      if (!layout.table.columns[i]!.needed) continue;
      throw new AppError('ADOPT_UNREADABLE', {
        reason: 'a column that billing needs is not in the record',
        table: `${layout.db}.${layout.table.name}`,
        column: name,
        fix: 'add it to column.include.list of the connector',
      });
    }
    values[name] = columnValue(kind, value);
  }
  return values;
}

function columnValue(kind: ColumnKind, value: unknown): ColumnValue {
  if (value === null) return null;
  if (kind === 'text') return typeof value === 'string' ? value : JSON.stringify(value);
  if (kind === 'datetime-ms') return dateText(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint' || typeof value === 'number') return unsigned(BigInt(value));
  // bigint.unsigned.handling.mode=precise: the bytes of the number.
  if (typeof value === 'string') return unsigned(bigEndian(Buffer.from(value, 'base64')));
  return JSON.stringify(value);
}

// bigint.unsigned.handling.mode=long: what is above 2^63 has wrapped.
const unsigned = (value: bigint): string => String(value < 0n ? BigInt.asUintN(64, value) : value);

const bigEndian = (bytes: Buffer): bigint =>
  bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));

const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Epoch ms, µs or ns by their size (what is beyond the year 9999 is a finer unit), or text: as time.precision.mode has it. */
function dateText(value: unknown): ColumnValue {
  if (typeof value === 'string') return value.slice(0, 19).replace('T', ' ');
  if (typeof value !== 'number' && typeof value !== 'bigint') return JSON.stringify(value);
  let ms = Number(value);
  while (Math.abs(ms) > lastMs) ms = Math.floor(ms / 1000);
  return sqlDateTime(ms);
}
