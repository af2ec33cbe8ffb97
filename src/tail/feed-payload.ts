import { isU64 } from '../contracts/ids.ts';
import type { AccountId, EventId } from '../contracts/ids.ts';
import type { ColumnValue, RowImage } from '../contracts/change-event.ts';
import type { DeadLetterReason } from '../contracts/error-codes.ts';
import { datetimeMs } from './column-types.ts';
import { jsonText } from './json-text.ts';

/** A row that cannot become a feed record, though it could be read. */
export class RefusedRow extends Error {
  readonly reason: DeadLetterReason;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(reason: DeadLetterReason, facts: Readonly<Record<string, unknown>>) {
    super(reason);
    this.reason = reason;
    this.facts = facts;
  }
}

/*
 * Each function writes the part of a feed record that is its own (see contracts/feed-record.ts) by
 * concatenation, because this runs for every row; a test holds the result to the schema.
 * All throw RefusedRow when a value that is needed is NULL or not of its form.
 */

export const usageEventJson = (row: RowImage): string =>
  `"event":{"id":${id(row, 'id')},"type":${text(row, 'type')},"accountId":${id(row, 'account_id')},` +
  `"createdMs":${instant(row, 'created')},"zoneId":${id(row, 'zone_id')},` +
  `"resourceId":${maybeId(row, 'resource_id')},"resourceName":${maybeText(row, 'resource_name')},` +
  `"offeringId":${maybeId(row, 'offering_id')},"templateId":${maybeId(row, 'template_id')},` +
  `"size":${maybeId(row, 'size')},"resourceType":${maybeText(row, 'resource_type')},` +
  `"virtualSize":${maybeId(row, 'virtual_size')},"vmId":${maybeId(row, 'vm_id')}}`;

export const eventDetailJson = (row: RowImage, account: AccountId): string =>
  `"detail":{"id":${id(row, 'id')},"eventId":${id(row, 'usage_event_id')},"accountId":"${account}",` +
  `"name":${text(row, 'name')},"value":${text(row, 'value')}}`;

export const accountJson = (row: RowImage): string =>
  `"account":{"id":${id(row, 'id')},"name":${maybeText(row, 'account_name')},` +
  `"uuid":${maybeText(row, 'uuid')},"type":${small(row, 'type')},` +
  `"roleId":${maybeId(row, 'role_id')},"domainId":${maybeId(row, 'domain_id')},` +
  `"removedMs":${maybeInstant(row, 'removed')},"cleanupNeeded":${flag(row, 'cleanup_needed')}}`;

export const templateJson = (row: RowImage): string =>
  `"template":{"id":${id(row, 'id')},"accountId":${id(row, 'account_id')},` +
  `"isPublic":${flag(row, 'public')},"removedMs":${maybeInstant(row, 'removed')}}`;

export const bucketJson = (row: RowImage): string =>
  `"bucket":{"id":${id(row, 'id')},"accountId":${id(row, 'account_id')},` +
  `"removedMs":${maybeInstant(row, 'removed')}}`;

export function counterJson(table: string, row: RowImage): string {
  const start =
    `"counter":{"table":${jsonText(table)},"id":${id(row, 'id')},` +
    `"accountId":${id(row, 'account_id')}`;
  const rest = (names: readonly (readonly [json: string, column: string])[]) =>
    names.map(([json, column]) => `,"${json}":${id(row, column)}`).join('');
  switch (table) {
    case 'user_statistics':
      return (
        `${start},"zoneId":${id(row, 'data_center_id')},` +
        `"publicIpAddress":${maybeText(row, 'public_ip_address')},` +
        `"deviceType":${text(row, 'device_type')},"networkId":${maybeId(row, 'network_id')}` +
        `${rest(networkTotals)}}`
      );
    case 'vm_disk_statistics':
      return `${start},"zoneId":${id(row, 'data_center_id')}${rest(diskTotals)}}`;
    default:
      return `${start},"bucketId":${id(row, 'bucket_id')},"size":${maybeId(row, 'size')}}`;
  }
}

/** One changed setting, or several of a snapshot: null for one that was deleted. */
export const settingsJson = (settings: ReadonlyMap<string, string | null>): string =>
  `"settings":{${[...settings]
    .map(([name, value]) => `${jsonText(name)}:${value === null ? 'null' : jsonText(value)}`)
    .join(',')}}`;

/** @throws RefusedRow when the column is NULL or no unsigned 64-bit number. */
export const idOf = <T extends AccountId | EventId>(row: RowImage, column: string): T =>
  checkedId(row[column] ?? null, column) as T;

const camel = (column: string) => column.replaceAll(/_([a-z])/g, (_, c: string) => c.toUpperCase());
const named = (columns: string) =>
  columns.split(' ').map((column) => [camel(column), column] as const);
const networkTotals = named(
  'device_id net_bytes_received net_bytes_sent current_bytes_received current_bytes_sent ' +
    'agg_bytes_received agg_bytes_sent',
);
const diskTotals = named(
  'vm_id volume_id net_io_read net_io_write current_io_read current_io_write agg_io_read ' +
    'agg_io_write net_bytes_read net_bytes_write current_bytes_read current_bytes_write ' +
    'agg_bytes_read agg_bytes_write',
);

function checkedId(value: ColumnValue, column: string): string {
  if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) return String(value);
  if (value === null) throw new RefusedRow('MISSING_VALUE', { column });
  const decimal = String(value);
  if (!isU64(decimal)) throw new RefusedRow('INVALID_VALUE', { column, value: decimal });
  return decimal;
}

const id = (row: RowImage, column: string): string => `"${checkedId(row[column] ?? null, column)}"`;

const maybeId = (row: RowImage, column: string): string => {
  const value = row[column] ?? null;
  return value === null ? 'null' : `"${checkedId(value, column)}"`;
};

const maybeText = (row: RowImage, column: string): string => {
  const value = row[column] ?? null;
  return value === null ? 'null' : jsonText(typeof value === 'string' ? value : String(value));
};

const text = (row: RowImage, column: string): string => {
  if ((row[column] ?? null) === null) throw new RefusedRow('MISSING_VALUE', { column });
  return maybeText(row, column);
};

const maybeInstant = (row: RowImage, column: string): string => {
  const value = row[column] ?? null;
  const ms = value === null ? null : datetimeMs(String(value));
  return ms === null ? 'null' : String(ms);
};

const instant = (row: RowImage, column: string): string => {
  const value = row[column] ?? null;
  if (value === null) throw new RefusedRow('MISSING_VALUE', { column });
  const ms = datetimeMs(String(value));
  if (ms === null) throw new RefusedRow('INVALID_VALUE', { column, value });
  return String(ms);
};

const small = (row: RowImage, column: string): string => {
  const value = row[column] ?? null;
  if (value === null) throw new RefusedRow('MISSING_VALUE', { column });
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new RefusedRow('INVALID_VALUE', { column, value });
  return String(number);
};

const flag = (row: RowImage, column: string): string => String(small(row, column) !== '0');
