import { u64 } from '../../contracts/ids.ts';
import type { AccountId, EventId, U64, ZoneId } from '../../contracts/ids.ts';
import type { FoldEvent } from '../../contracts/fold.ts';
import { parseSqlDateTime, sqlDateTime } from '../../contracts/time.ts';
import type { StoredGrowth } from '../../domain/audit-fold.ts';
import type { StoredHelper } from '../../domain/audit-helpers.ts';
import { storedRow, usageColumns } from '../../domain/audit-row.ts';
import type { StoredRow } from '../../domain/audit-row.ts';
import { intervalTables } from '../../domain/helper-tables.ts';
import type { TableName } from '../../domain/intervals.ts';
import { quoteName } from '../../platform/mysql.ts';
import { LookAhead } from './look-ahead.ts';
import { text } from './read-history.ts';
import type { Reader, TableRow } from './reader.ts';

const number = (cell: TableRow[string] | undefined): U64 | null =>
  cell === null || cell === undefined ? null : u64(cell);
const textOrNull = (cell: TableRow[string] | undefined): string | null =>
  cell === null || cell === undefined ? null : String(cell);
const msOf = (cell: TableRow[string] | undefined): number => parseSqlDateTime(text(cell)) ?? 0;

/** All events up to a time by account, created and id, each with its details: two streams side by side. */
export function eventStream(
  events: Reader,
  details: Reader,
  schema: string,
  toMs: number,
): LookAhead<FoldEvent> {
  return new LookAhead(joined(events, details, schema, toMs));
}

async function* joined(
  events: Reader,
  details: Reader,
  schema: string,
  toMs: number,
): AsyncGenerator<FoldEvent> {
  const event = quoteName(schema, 'usage_event');
  const order = 'ORDER BY e.account_id, e.created, e.id';
  const until = [sqlDateTime(Math.max(0, toMs - 1))];
  const known = new LookAhead(
    details.stream(
      `SELECT d.usage_event_id AS event, d.name, d.value
       FROM ${quoteName(schema, 'usage_event_details')} AS d
         STRAIGHT_JOIN ${event} AS e ON e.id = d.usage_event_id
       WHERE e.created <= ? ${order}, d.id`,
      until,
    ),
  );
  const rows = events.stream(
    `SELECT e.id, e.type, e.account_id, e.created, e.zone_id, e.resource_id, e.resource_name,
       e.offering_id, e.template_id, e.size, e.resource_type, e.virtual_size, e.vm_id
     FROM ${event} AS e WHERE e.created <= ? ${order}`,
    until,
  );
  for await (const row of rows) {
    const id = text(row['id']);
    const own = await known.takeWhile((detail) => text(detail['event']) === id);
    yield {
      id: u64<EventId>(id),
      type: text(row['type']),
      accountId: u64<AccountId>(text(row['account_id'])),
      createdMs: msOf(row['created']),
      zoneId: u64<ZoneId>(text(row['zone_id'])),
      resourceId: number(row['resource_id']),
      resourceName: textOrNull(row['resource_name']),
      offeringId: number(row['offering_id']),
      templateId: number(row['template_id']),
      size: number(row['size']),
      resourceType: textOrNull(row['resource_type']),
      virtualSize: number(row['virtual_size']),
      vmId: number(row['vm_id']),
      feedOffset: 0,
      details: own.map((detail) => ({ name: text(detail['name']), value: text(detail['value']) })),
    };
  }
}

/** The account's rows of cloud_usage in the order of their ends. */
export async function* usageRows(
  reader: Reader,
  schema: string,
  accountId: U64,
  from: string,
): AsyncGenerator<StoredRow> {
  const columns = usageColumns.map((column) =>
    column === 'raw_usage' ? `CAST(raw_usage AS CHAR) AS raw_usage` : quoteName(column),
  );
  const rows = reader.stream(
    `SELECT id, ${columns.join(', ')}, quota_calculated, is_hidden
     FROM ${quoteName(schema, 'cloud_usage')} WHERE account_id = ? AND end_date >= ?
     ORDER BY end_date, id`,
    [accountId, from],
  );
  for await (const row of rows) yield storedRow(row);
}

const growthTable = {
  network: {
    name: 'usage_network',
    columns: ['host_id', 'network_id', 'host_type', 'bytes_sent', 'bytes_received'],
  },
  disk: {
    name: 'usage_vm_disk',
    columns: [
      ...['vm_id', 'volume_id', "'VirtualMachine'"],
      ...['io_read', 'io_write', 'bytes_read', 'bytes_write'],
    ],
  },
} as const;

export interface TimedGrowth extends StoredGrowth {
  readonly atMs: number;
}

/** What the account's counters have grown by, in order of time. */
export async function* growthRows(
  reader: Reader,
  schema: string,
  accountId: U64,
  kind: 'network' | 'disk',
): AsyncGenerator<TimedGrowth> {
  const { name, columns } = growthTable[kind];
  const [owner, part, label, ...deltas] = columns;
  const rows = reader.stream(
    `SELECT event_time_millis AS at, zone_id, ${owner} AS owner, ${part} AS part, ${label} AS label,
       ${deltas.map((delta, at) => `${delta} AS d${at}`).join(', ')}
     FROM ${quoteName(schema, name)} WHERE account_id = ?
     ORDER BY event_time_millis, zone_id, ${owner}, ${part}`,
    [accountId],
  );
  for await (const row of rows)
    yield {
      kind,
      atMs: Number(row['at']),
      zoneId: u64<ZoneId>(text(row['zone_id'])),
      ownerId: u64(text(row['owner'])),
      partId: u64(text(row['part'])),
      label: text(row['label']),
      deltas: deltas.map((_, at) => u64(text(row[`d${at}`]))),
    };
}

/** The account's rows of an interval table, in id order. */
export async function helperRows(
  reader: Reader,
  schema: string,
  accountId: U64,
  name: TableName,
): Promise<StoredHelper[]> {
  const table = intervalTables[name];
  const columns = table.columns.map((column) => quoteName(column.name)).join(', ');
  const rows = await reader.rows(
    `SELECT id, ${columns} FROM ${quoteName(schema, table.name)} WHERE account_id = ? ORDER BY id`,
    [accountId],
  );
  return rows.map((row) => ({
    id: u64(text(row['id'])),
    cells: table.columns.map((column) => textOrNull(row[column.name])),
  }));
}
