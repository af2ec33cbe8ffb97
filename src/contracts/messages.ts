import { z } from 'zod';
import { deadLetterReasons } from './error-codes.ts';
import type { DeadLetterReason } from './error-codes.ts';
import { EventIdSchema, U64Schema } from './ids.ts';
import { EpochMsSchema } from './time.ts';

/**
 * What the topics after the sink carry, version 1: JSON, keys in camel case. Ids and quantities are decimal
 * text (they pass 2^53); instants are epoch ms, or `YYYY-MM-DD hh:mm:ss` in GMT where CloudStack's
 * columns are meant. Delivered at least once: a consumer keeps the highest revision of a key.
 */
export const MESSAGE_VERSION = 1;

const u64OrNull = U64Schema.nullable();
const decimal = z.string().regex(/^-?[0-9]+$/);
export const QuantityUnit = z.enum(['ms', 'bytes', 'requests']);
export type QuantityUnit = z.infer<typeof QuantityUnit>;

const WindowBounds = z.object({ startMs: EpochMsSchema, endMs: EpochMsSchema });

/** Value of `<prefix>.usage-records`; its key is `recordId`. */
export const UsageRecordMessage = z.object({
  v: z.literal(MESSAGE_VERSION),
  /** 32 hex digits: hash of account, type, natural key, window and kind. */
  recordId: z.string().regex(/^[0-9a-f]{32}$/),
  revision: z.int().positive(),
  generation: z.string(),
  /** `usage`, or the id of a correction. */
  kind: z.string(),
  accountId: U64Schema,
  usageType: z.int(),
  naturalKey: z.string(),
  /** Half-open. */
  window: WindowBounds,
  /** What the row was made of, exact; `row.rawUsage` is the same rounded to CloudStack's unit. */
  quantity: decimal,
  unit: QuantityUnit,
  /** The row in cloud_usage; null in shadow mode. */
  cloudUsageId: u64OrNull,
  /** The other columns as cloud_usage has them. */
  row: z.object({
    zoneId: U64Schema,
    domainId: U64Schema,
    description: z.string(),
    usageDisplay: z.string(),
    rawUsage: z.number(),
    vmInstanceId: u64OrNull,
    vmName: z.string().nullable(),
    offeringId: u64OrNull,
    templateId: u64OrNull,
    usageId: u64OrNull,
    type: z.string().nullable(),
    size: u64OrNull,
    networkId: u64OrNull,
    virtualSize: u64OrNull,
    cpuSpeed: u64OrNull,
    cpuCores: u64OrNull,
    memory: u64OrNull,
    isHidden: z.boolean(),
    state: z.string().nullable(),
    startDate: z.string(),
    endDate: z.string(),
  }),
  /** Intervals behind the row, as stored. */
  lineage: z.unknown(),
});
export type UsageRecordMessage = z.infer<typeof UsageRecordMessage>;

/** Value of `<prefix>.usage-windows`, written after the window's records; its key is the start, ISO 8601. */
export const UsageWindowMessage = z.object({
  v: z.literal(MESSAGE_VERSION),
  generation: z.string(),
  mode: z.enum(['shadow', 'primary']),
  window: WindowBounds,
  rows: z.int().nonnegative(),
  totals: z.array(
    z.object({
      usageType: z.int(),
      rows: z.int().positive(),
      quantity: decimal,
      unit: QuantityUnit,
    }),
  ),
});
export type UsageWindowMessage = z.infer<typeof UsageWindowMessage>;

const hash = z.string().regex(/^[0-9a-f]{32}$/);

/**
 * Value of `<prefix>.usage-corrections`; its key is the account id. A published quantity was wrong: add
 * `delta` to what is held for `recordId`. `correctionId` is the idempotency key: it comes at least once.
 */
export const CorrectionMessage = z.object({
  v: z.literal(MESSAGE_VERSION),
  /** 32 hex digits: hash of what the correction says; equal ones are the same correction. */
  correctionId: hash,
  revision: z.int().positive(),
  generation: z.string(),
  accountId: U64Schema,
  usageType: z.int(),
  naturalKey: z.string(),
  /** Of the wronged row in usage-records; there is none when nothing was published (`oldQuantity` 0). */
  recordId: hash,
  /** The wronged window, half-open. */
  window: WindowBounds,
  /** The row and all earlier corrections of it. */
  oldQuantity: decimal,
  newQuantity: decimal,
  /** `newQuantity` less `oldQuantity`. */
  delta: decimal,
  unit: QuantityUnit,
  /**
   * LATE_EVENT: an event came after its window was closed; LATE_DETAIL: a detail of one did; BEYOND_REACH: longer
   * ago than corrections reach, so that nothing was billed.
   */
  reason: z.string(),
  /** The events behind it. */
  eventIds: z.array(EventIdSchema).min(1),
  /**
   * append: a row of `delta` stands in `madeIn`; ledger: nothing was published, see `creditQuantity`; amend: the
   * row itself was changed, or not, as `state` says.
   */
  action: z.enum(['append', 'ledger', 'amend']),
  /** The window whose close made it. */
  madeIn: WindowBounds,
  /** Columns of the row, by their names in cloud_usage, that were wrong beside the quantity: old and new value. */
  changes: z.record(z.string(), z.tuple([z.string().nullable(), z.string().nullable()])),
  /** amend: `amended`, or `refused`: then it is as `append` or `ledger`. Else `made`. */
  state: z.enum(['made', 'planned', 'amended', 'refused']),
  /** refused: SHADOW, NOT_ALLOWED, QUOTA_ON, CHARGED or NOT_PUBLISHED. */
  stateReason: z.string().nullable(),
  /** append, and a refused amend of too little: the row of the difference in usage-records, whose `kind` is `correctionId`. */
  appendedRecordId: hash.nullable(),
  /** ledger, and a refused amend of too much: how much of `usageType` was charged too much, to be credited in quota. */
  creditQuantity: decimal.nullable(),
});
export type CorrectionMessage = z.infer<typeof CorrectionMessage>;

const deadLetterHead = {
  v: z.literal(MESSAGE_VERSION),
  reason: z.enum(Object.keys(deadLetterReasons) as DeadLetterReason[]),
  facts: z.unknown(),
  /** The account that waits, or whose record it is; null when that cannot be said. */
  accountId: u64OrNull,
  recordedAt: z.string(),
};

/** A captured row by column, every value as text. */
const rowText = z.record(z.string(), z.string().nullable()).nullable();

/** A record of the feed that was refused, or the fold of an account. Key: `topic/partition/offset` of the record. */
export const FeedDeadLetter = z.object({
  ...deadLetterHead,
  stage: z.literal('aggregate'),
  generation: z.string(),
  topic: z.string(),
  partition: z.int().nonnegative(),
  offset: z.int().nonnegative(),
  /** Base64; null as in the record. */
  key: z.string().nullable(),
  value: z.string().nullable(),
  /** Bytes of the whole value. Above 600 KiB `value` holds only the first part; the rest is in the table. */
  valueBytes: z.int().nonnegative(),
});
export type FeedDeadLetter = z.infer<typeof FeedDeadLetter>;

/** A change of the source that never got into the feed. Key: `file/pos/row` in the binlog. */
export const ChangeDeadLetter = z.object({
  ...deadLetterHead,
  stage: z.literal('tail'),
  origin: z.object({
    incarnation: z.int().nonnegative(),
    gtid: z.string().nullable(),
    file: z.string(),
    pos: z.int().nonnegative(),
    row: z.int().nonnegative(),
    commitMs: EpochMsSchema,
  }),
  record: z.object({
    db: z.string(),
    table: z.string(),
    op: z.enum(['c', 'u', 'd', 'r']),
    before: rowText,
    after: rowText,
  }),
});
export type ChangeDeadLetter = z.infer<typeof ChangeDeadLetter>;

/** Value of `<prefix>.dead-letters`. The tail writes its own; those of the aggregate are relayed by the sink. */
export const DeadLetterMessage = z.discriminatedUnion('stage', [FeedDeadLetter, ChangeDeadLetter]);
export type DeadLetterMessage = z.infer<typeof DeadLetterMessage>;
