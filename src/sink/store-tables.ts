import { quoteName } from '../platform/mysql.ts';

/** Quoted names of the tables that the sink reads and writes. */
export interface StoreTables {
  readonly schemaVersion: string;
  readonly generation: string;
  readonly progress: string;
  readonly record: string;
  readonly correction: string;
  readonly publishedWindow: string;
  readonly outbox: string;
  readonly deadLetter: string;
  readonly lease: string;
  readonly helperChange: string;
  readonly helperRow: string;
  readonly event: string;
  readonly eventDetail: string;
  readonly anomaly: string;
  readonly repairedWindow: string;
  readonly heldRecord: string;
  readonly accountState: string;
  readonly fact: string;
  readonly succession: string;
  readonly cutover: string;
  readonly cutoverCharged: string;
  readonly cutoverPair: string;
  readonly handover: string;
  readonly lateEvent: string;
  /** CloudStack's. */
  readonly cloudUsage: string;
  readonly usageJob: string;
}

export const storeTables = (schema: string, cloudUsageSchema: string): StoreTables => ({
  schemaVersion: quoteName(schema, 'schema_version'),
  generation: quoteName(schema, 'generation'),
  progress: quoteName(schema, 'progress'),
  record: quoteName(schema, 'record'),
  correction: quoteName(schema, 'correction'),
  publishedWindow: quoteName(schema, 'published_window'),
  outbox: quoteName(schema, 'outbox'),
  deadLetter: quoteName(schema, 'dead_letter'),
  lease: quoteName(schema, 'lease'),
  helperChange: quoteName(schema, 'helper_change'),
  helperRow: quoteName(schema, 'helper_row'),
  event: quoteName(schema, 'event'),
  eventDetail: quoteName(schema, 'event_detail'),
  anomaly: quoteName(schema, 'anomaly'),
  repairedWindow: quoteName(schema, 'repaired_window'),
  heldRecord: quoteName(schema, 'held_record'),
  accountState: quoteName(schema, 'account_state'),
  fact: quoteName(schema, 'fact'),
  succession: quoteName(schema, 'succession'),
  cutover: quoteName(schema, 'cutover'),
  cutoverCharged: quoteName(schema, 'cutover_charged'),
  cutoverPair: quoteName(schema, 'cutover_pair'),
  handover: quoteName(schema, 'handover'),
  lateEvent: quoteName(schema, 'late_event'),
  cloudUsage: quoteName(cloudUsageSchema, 'cloud_usage'),
  usageJob: quoteName(cloudUsageSchema, 'usage_job'),
});
