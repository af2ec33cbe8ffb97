import { isUtf8 } from 'node:buffer';
import type { DeadLetterReason } from '../contracts/error-codes.ts';
import { FEED_VERSION, FeedRecord } from '../contracts/feed-record.ts';
import { isU64 } from '../contracts/ids.ts';

export type UsageEventRecord = Extract<FeedRecord, { kind: 'usage-event' }>;

export type Facts = Readonly<Record<string, string | number | boolean | null>>;

/** Why a record is refused. */
export interface Refusal {
  readonly reason: DeadLetterReason;
  readonly facts: Facts;
}

export type ParsedRecord =
  | { readonly ok: true; readonly record: FeedRecord; readonly text: string }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Reads a feed record. Usage events, nearly all of the feed, are checked by a hand-written guard that is
 * as strict as the schema (a property test compares them); everything else, and the words for what is
 * wrong, come from the schema.
 *
 * @returns the record and its JSON, or why it is refused; never throws.
 */
export function parseRecord(value: Buffer | null): ParsedRecord {
  if (value === null) return refuse('MALFORMED', { problem: 'no value' });
  if (!isUtf8(value)) return refuse('MALFORMED', { problem: 'not UTF-8' });
  const text = value.toString();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse('MALFORMED', { problem: 'not JSON' });
  }
  const record = isUsageEventRecord(json) ? json : readBySchema(json);
  if ('reason' in record) return { ok: false, refusal: record };
  const problem = unstorable(record, value.length);
  return problem === null ? { ok: true, record, text } : refuse('INVALID_VALUE', problem);
}

const refuse = (reason: DeadLetterReason, facts: Facts): ParsedRecord => ({
  ok: false,
  refusal: { reason, facts },
});

function readBySchema(json: unknown): FeedRecord | Refusal {
  const version = (json as { v?: unknown } | null)?.v;
  if (typeof version === 'number' && version !== FEED_VERSION)
    return { reason: 'WRONG_VERSION', facts: { version } };
  const read = FeedRecord.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return {
    reason: 'MALFORMED',
    facts: { path: issue?.path.join('.') ?? '', problem: issue?.message ?? 'wrong shape' },
  };
}

/** Last instant of a DATETIME column, and bytes of a TEXT column. */
const newestMs = Date.UTC(9999, 11, 31, 23, 59, 59);
const bodyBytes = 65_535;
const maxU32 = 4_294_967_295;

/** What a column would cut: INSERT IGNORE would do so without a word. */
function unstorable(record: FeedRecord, bytes: number): Facts | null {
  if (bytes > bodyBytes) return { path: '', problem: `more than ${bodyBytes} bytes`, bytes };
  if (record.origin.incarnation > maxU32)
    return { path: 'origin.incarnation', problem: 'out of range' };
  if (!isStorable(record.watermarkMs)) return { path: 'watermarkMs', problem: 'out of range' };
  if (record.kind === 'usage-event' && !isStorable(record.event.createdMs))
    return { path: 'event.createdMs', problem: 'out of range' };
  if (record.kind === 'event-detail') {
    if (isLonger(record.detail.name, 255)) return { path: 'detail.name', problem: 'too long' };
    if (isLonger(record.detail.value, 1024)) return { path: 'detail.value', problem: 'too long' };
  }
  return null;
}

const isStorable = (ms: number | null) => ms === null || (ms >= 0 && ms <= newestMs);

/** True when the text has more characters (code points, as MySQL counts) than fit. */
export const isLonger = (text: string, limit: number): boolean =>
  text.length > limit && Array.from(text).length > limit;

type Unknown<K extends string> = Partial<Record<K, unknown>>;
type RawRecord = Unknown<'v' | 'kind' | 'watermarkMs' | 'origin' | 'event'>;
type RawOrigin = Unknown<
  'source' | 'incarnation' | 'gtid' | 'file' | 'pos' | 'row' | 'commitMs' | 'snapshot'
>;
type RawEvent = Unknown<keyof UsageEventRecord['event']>;

function isUsageEventRecord(json: unknown): json is UsageEventRecord {
  const record = json as RawRecord | null;
  return (
    typeof record === 'object' &&
    record !== null &&
    record.v === FEED_VERSION &&
    record.kind === 'usage-event' &&
    (record.watermarkMs === null || Number.isSafeInteger(record.watermarkMs)) &&
    isOrigin(record.origin as RawOrigin | null) &&
    isUsageEvent(record.event as RawEvent | null)
  );
}

const isOrigin = (origin: RawOrigin | null | undefined): boolean =>
  typeof origin === 'object' &&
  origin !== null &&
  typeof origin.source === 'string' &&
  isCount(origin.incarnation) &&
  isText(origin.gtid) &&
  isText(origin.file) &&
  isCount(origin.pos) &&
  isCount(origin.row) &&
  Number.isSafeInteger(origin.commitMs) &&
  typeof origin.snapshot === 'boolean';

const isUsageEvent = (event: RawEvent | null | undefined): boolean =>
  typeof event === 'object' &&
  event !== null &&
  isId(event.id) &&
  typeof event.type === 'string' &&
  isId(event.accountId) &&
  Number.isSafeInteger(event.createdMs) &&
  isId(event.zoneId) &&
  isIdOrNull(event.resourceId) &&
  isText(event.resourceName) &&
  isIdOrNull(event.offeringId) &&
  isIdOrNull(event.templateId) &&
  isIdOrNull(event.size) &&
  isText(event.resourceType) &&
  isIdOrNull(event.virtualSize) &&
  isIdOrNull(event.vmId);

const isId = (value: unknown) => typeof value === 'string' && isU64(value);
const isIdOrNull = (value: unknown) => value === null || isId(value);
const isText = (value: unknown) => value === null || typeof value === 'string';
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
