import { z } from 'zod';
import { AccountIdSchema, EventIdSchema, U64Schema, ZoneIdSchema } from './ids.ts';
import { EpochMsSchema } from './time.ts';

/**
 * The records of `<prefix>.usage-feed`, version 1: THE log that every result is folded from.
 * Numbers of CloudStack's schema are decimal text (they pass 2^53); instants are epoch ms.
 * A record says what was committed, never what to do about it. See docs/feed.md.
 */
export const FEED_VERSION = 1;

/** Where a record came from: enough to find the change in the binlog or the raw topic again. */
export const Origin = z.object({
  /** Name of the source, normally the topic prefix. */
  source: z.string(),
  /** Rises by one when the source is found to be another history (restored backup, RESET). */
  incarnation: z.int().nonnegative(),
  gtid: z.string().nullable(),
  file: z.string().nullable(),
  /** Start offset of the rows event in the file, bytes. */
  pos: z.int().nonnegative(),
  /** Index of the row within its rows event. */
  row: z.int().nonnegative(),
  /** Commit time as the source's event header says it (whole seconds for MariaDB). */
  commitMs: EpochMsSchema,
  /** True for rows read by the snapshot, which have no commit time of their own. */
  snapshot: z.boolean(),
});
export type Origin = z.infer<typeof Origin>;

const nullable = U64Schema.nullable();

/** One row of cloud.usage_event; `createdMs` is the event time. */
export const UsageEvent = z.object({
  id: EventIdSchema,
  type: z.string(),
  accountId: AccountIdSchema,
  createdMs: EpochMsSchema,
  zoneId: ZoneIdSchema,
  resourceId: nullable,
  resourceName: z.string().nullable(),
  offeringId: nullable,
  templateId: nullable,
  size: nullable,
  resourceType: z.string().nullable(),
  virtualSize: nullable,
  vmId: nullable,
});
export type UsageEvent = z.infer<typeof UsageEvent>;

/** One row of cloud.usage_event_details, joined to its event when the window is folded. */
export const EventDetail = z.object({
  id: U64Schema,
  eventId: EventIdSchema,
  accountId: AccountIdSchema,
  name: z.string(),
  value: z.string(),
});
export type EventDetail = z.infer<typeof EventDetail>;

/** One row of a statistics table of cloud; totals only ever grow but for device resets. */
export const Counter = z.discriminatedUnion('table', [
  z.object({
    table: z.literal('user_statistics'),
    id: U64Schema,
    accountId: AccountIdSchema,
    zoneId: ZoneIdSchema,
    publicIpAddress: z.string().nullable(),
    deviceId: U64Schema,
    deviceType: z.string(),
    networkId: nullable,
    netBytesReceived: U64Schema,
    netBytesSent: U64Schema,
    currentBytesReceived: U64Schema,
    currentBytesSent: U64Schema,
    aggBytesReceived: U64Schema,
    aggBytesSent: U64Schema,
  }),
  z.object({
    table: z.literal('vm_disk_statistics'),
    id: U64Schema,
    accountId: AccountIdSchema,
    zoneId: ZoneIdSchema,
    vmId: U64Schema,
    volumeId: U64Schema,
    netIoRead: U64Schema,
    netIoWrite: U64Schema,
    currentIoRead: U64Schema,
    currentIoWrite: U64Schema,
    aggIoRead: U64Schema,
    aggIoWrite: U64Schema,
    netBytesRead: U64Schema,
    netBytesWrite: U64Schema,
    currentBytesRead: U64Schema,
    currentBytesWrite: U64Schema,
    aggBytesRead: U64Schema,
    aggBytesWrite: U64Schema,
  }),
  z.object({
    table: z.literal('bucket_statistics'),
    id: U64Schema,
    accountId: AccountIdSchema,
    bucketId: U64Schema,
    size: nullable,
  }),
]);
export type Counter = z.infer<typeof Counter>;

/** The columns of cloud.account that billing needs. */
export const Account = z.object({
  id: AccountIdSchema,
  name: z.string().nullable(),
  uuid: z.string().nullable(),
  type: z.int().nonnegative(),
  roleId: nullable,
  domainId: nullable,
  removedMs: EpochMsSchema.nullable(),
  cleanupNeeded: z.boolean(),
});
export type Account = z.infer<typeof Account>;

export const Template = z.object({
  id: U64Schema,
  accountId: AccountIdSchema,
  isPublic: z.boolean(),
  removedMs: EpochMsSchema.nullable(),
});
export type Template = z.infer<typeof Template>;

export const Bucket = z.object({
  id: U64Schema,
  accountId: AccountIdSchema,
  removedMs: EpochMsSchema.nullable(),
});
export type Bucket = z.infer<typeof Bucket>;

const common = {
  v: z.literal(FEED_VERSION),
  /** All changes committed before this source time precede this record on its partition; null: says nothing. */
  watermarkMs: EpochMsSchema.nullable(),
  origin: Origin,
};
/** False when the source row was deleted: the value is then its last content. */
const present = { present: z.boolean() };

export const FeedRecord = z.discriminatedUnion('kind', [
  z.object({ ...common, kind: z.literal('usage-event'), event: UsageEvent }),
  z.object({ ...common, kind: z.literal('event-detail'), detail: EventDetail }),
  z.object({ ...common, ...present, kind: z.literal('counter'), counter: Counter }),
  z.object({ ...common, ...present, kind: z.literal('account'), account: Account }),
  z.object({ ...common, ...present, kind: z.literal('template'), template: Template }),
  z.object({ ...common, ...present, kind: z.literal('bucket'), bucket: Bucket }),
  z.object({
    ...common,
    kind: z.literal('settings'),
    /** CloudStack's global settings by name, to every partition; a generation takes them when it is made. */
    settings: z.record(z.string(), z.string().nullable()),
  }),
  z.object({ ...common, kind: z.literal('watermark'), watermarkMs: EpochMsSchema }),
]);
export type FeedRecord = z.infer<typeof FeedRecord>;
