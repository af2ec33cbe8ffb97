import type { ColumnValue } from '../contracts/change-event.ts';
import type { EpochMs } from '../contracts/time.ts';
import { jsonText } from './json-text.ts';

/** How a column's values are written into a raw record; only the types that captured tables have. */
export type ColumnKind = 'number' | 'unsigned-bigint' | 'text' | 'datetime-ms' | 'datetime-us';

/** The kind of a MySQL column type (`bigint(20) unsigned`), or null when no captured column may have it. */
export function columnKind(columnType: string): ColumnKind | null {
  const type = columnType.toLowerCase();
  if (/^bigint\b.*\bunsigned\b/.test(type)) return 'unsigned-bigint';
  if (/^(tinyint|smallint|mediumint|int|bigint|bool(ean)?)\b/.test(type)) return 'number';
  if (/^(var)?char\b|^(tiny|medium|long)?text\b/.test(type)) return 'text';
  const datetime = /^datetime(?:\((\d)\))?/.exec(type);
  if (datetime) return Number(datetime[1] ?? 0) > 3 ? 'datetime-us' : 'datetime-ms';
  return null;
}

/**
 * One column value as Kafka Connect's schemaless JSON, as Debezium converts it by default:
 * DATETIME is epoch ms (or µs) as if the wall clock were UTC, BIGINT UNSIGNED wraps to a signed long,
 * a zero date is NULL, or the epoch where NULL is not allowed.
 */
export function connectJson(kind: ColumnKind, value: ColumnValue, nullable: boolean): string {
  if (value === null || value === undefined) return 'null';
  switch (kind) {
    case 'number':
      return typeof value === 'string' ? value : String(value);
    case 'unsigned-bigint':
      return typeof value === 'string' ? signedLong(value) : String(value);
    case 'text':
      return jsonText(asText(value));
    case 'datetime-ms': {
      const ms = datetimeMs(asText(value));
      return ms === null ? zeroDate(nullable) : String(ms);
    }
    case 'datetime-us': {
      const text = asText(value);
      const ms = datetimeMs(text);
      if (ms === null) return zeroDate(nullable);
      const micros = text.slice(20).padEnd(6, '0').slice(3, 6);
      return String(BigInt(ms) * 1000n + BigInt(micros));
    }
  }
}

const zeroDate = (nullable: boolean) => (nullable ? 'null' : '0');

const asText = (value: NonNullable<ColumnValue>): string =>
  typeof value === 'string' ? value : String(value);

// 9223372036854775807 is the largest signed long; as text of 19 digits it compares in numeric order.
const signedLong = (text: string): string =>
  text.length < 19 || (text.length === 19 && text <= '9223372036854775807')
    ? text
    : BigInt.asIntN(64, BigInt(text)).toString();

/**
 * `YYYY-MM-DD hh:mm:ss[.f…]` as epoch ms, read as UTC and cut to the millisecond; null for zero dates and
 * whatever else is no instant. By character codes: this runs for every row.
 */
export function datetimeMs(text: string): EpochMs | null {
  if (text.length < 19) return null;
  const month = two(text, 5);
  const day = two(text, 8);
  const year = two(text, 0) * 100 + two(text, 2);
  if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1000) return null;
  const ms = Date.UTC(year, month - 1, day, two(text, 11), two(text, 14), two(text, 17));
  if (text.length === 19) return Number.isNaN(ms) ? null : ms;
  const fraction = Number(text.slice(20, 23).padEnd(3, '0'));
  return Number.isNaN(ms + fraction) ? null : ms + fraction;
}

const two = (text: string, at: number): number =>
  text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;
