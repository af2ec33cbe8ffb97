import { hash } from 'node:crypto';
import { isU64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { EpochMs, Window } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import { naturalKey } from '../domain/natural-key.ts';
import { isLonger } from './parse-record.ts';
import { hex, quote } from './sql-text.ts';

/** `INSERT` into table `record`; a row that stands already stays exactly as it is. */
export const insertRecord = {
  head: `INSERT INTO record (generation, window_start_ms, account_id, record_id, window_end_ms,
    partition_id, kind, usage_type, natural_key, quantity, zone_id, domain_id, description, usage_display,
    raw_usage, vm_instance_id, vm_name, offering_id, template_id, usage_id, type, size, network_id,
    virtual_size, cpu_speed, cpu_cores, memory, is_hidden, state, start_date, end_date, lineage)
    VALUES`,
  tail: 'ON DUPLICATE KEY UPDATE revision=revision',
};

/** First 16 bytes of SHA-256 of the natural key, 32 hexadecimal digits. */
export const recordId = (key: string): string => hash('sha256', key, 'hex').slice(0, 32);

/**
 * The row constructor of a usage row for {@link insertRecord}.
 *
 * @param kind     `usage`, or the id of a correction.
 * @param dateTime Writes an instant as a DATETIME; given, because nearly all rows have the same two.
 * @throws RangeError naming the field when a value does not fit its column: a bug of the fold, which
 *   must not become a wrong row or stop the partition.
 */
export function recordRow(
  generation: number,
  partition: number,
  window: Window,
  row: UsageRow,
  dateTime: (ms: EpochMs) => string,
  kind = 'usage',
): string {
  const key = naturalKey(row, window.startMs, kind);
  const values = [
    generation,
    window.startMs,
    id('accountId', row.accountId),
    hex(recordId(key)),
    window.endMs,
    partition,
    quote(kind),
    u32('usageType', String(row.usageType)),
    text('key', key, 512),
    digits('quantity', row.quantity),
    id('zoneId', row.zoneId),
    id('domainId', row.domainId),
    text('description', row.description, 1024),
    text('usageDisplay', row.usageDisplay, 255),
    double('rawUsage', row.rawUsage),
    idOrNull('vmInstanceId', row.vmInstanceId),
    textOrNull('vmName', row.vmName, 255),
    idOrNull('offeringId', row.offeringId),
    idOrNull('templateId', row.templateId),
    idOrNull('usageId', row.usageId),
    textOrNull('type', row.type, 32),
    idOrNull('size', row.size),
    idOrNull('networkId', row.networkId),
    idOrNull('virtualSize', row.virtualSize),
    u32('cpuSpeed', row.cpuSpeed),
    u32('cpuCores', row.cpuCores),
    u32('memory', row.memory),
    row.isHidden ? 1 : 0,
    textOrNull('state', row.state, 100),
    `'${dateTime(instant('startMs', row.startMs))}'`,
    `'${dateTime(instant('endMs', row.endMs))}'`,
    quote(JSON.stringify(row.lineage)),
  ];
  return `(${values.join(',')})`;
}

const misfit = (field: string, value: unknown) =>
  new RangeError(`usage row: ${field} does not fit its column: ${String(value).slice(0, 100)}`);

function id(field: string, value: U64): string {
  if (!isU64(value)) throw misfit(field, value);
  return value;
}

const idOrNull = (field: string, value: U64 | null) => (value === null ? 'NULL' : id(field, value));

function u32(field: string, value: string | null): string {
  if (value === null) return 'NULL';
  if (!isU64(value) || Number(value) > 4_294_967_295) throw misfit(field, value);
  return value;
}

function digits(field: string, value: string): string {
  if (!/^\d{1,20}$/.test(value)) throw misfit(field, value);
  return value;
}

function double(field: string, value: number): string {
  if (!Number.isFinite(value) || value < 0) throw misfit(field, value);
  return String(value);
}

function text(field: string, value: string, limit: number): string {
  if (isLonger(value, limit)) throw misfit(field, value);
  return quote(value);
}

const textOrNull = (field: string, value: string | null, limit: number) =>
  value === null ? 'NULL' : text(field, value, limit);

function instant(field: string, ms: EpochMs): EpochMs {
  if (!(ms >= 0 && ms <= 253_402_300_799_999)) throw misfit(field, ms);
  return ms;
}
