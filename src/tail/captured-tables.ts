/** What a captured table is to the feed; `settings` goes to every partition, the rest to its account's. */
export type FeedKind =
  'settings' | 'account' | 'counter' | 'bucket' | 'template' | 'usage-event' | 'event-detail';

export interface CapturedColumn {
  readonly name: string;
  /** May hold NULL in CloudStack's schema: decides what a zero date means. */
  readonly nullable: boolean;
  /** False for columns that newer CloudStack releases added. */
  readonly needed: boolean;
}

export interface CapturedTable {
  readonly name: string;
  readonly kind: FeedKind;
  readonly primaryKey: string;
  readonly columns: readonly CapturedColumn[];
  /** Only rows whose `column` has one of these values are captured, if set. */
  readonly only?: { readonly column: string; readonly values: ReadonlySet<string> };
}

/** The global settings that billing reads. None of them is a secret. */
export const usageSettings: readonly string[] = [
  'enable.usage.server',
  'publish.usage.events',
  'quota.enable.service',
  'usage.aggregation.timezone',
  'usage.execution.timezone',
  'usage.sanity.check.interval',
  'usage.snapshot.virtualsize.select',
  'usage.stats.job.aggregation.range',
  'usage.stats.job.exec.time',
];

/**
 * The allow-list: every table of `cloud` that is captured, with every column of it that may leave the
 * database, in the order in which a snapshot reads them. The log is kept for ever, so a column that
 * is not named here (`bucket` has access keys) is never written to it.
 */
export const capturedTables: readonly CapturedTable[] = [
  {
    ...table('configuration', 'settings', 'name', 'instance name value?'),
    only: { column: 'name', values: new Set(usageSettings) },
  },
  table(
    'account',
    'account',
    'id',
    'id account_name? uuid? type role_id? domain_id? removed? cleanup_needed',
  ),
  table(
    'user_statistics',
    'counter',
    'id',
    'id data_center_id account_id public_ip_address? device_id device_type network_id? ' +
      'net_bytes_received net_bytes_sent current_bytes_received current_bytes_sent ' +
      'agg_bytes_received agg_bytes_sent',
  ),
  table(
    'vm_disk_statistics',
    'counter',
    'id',
    'id data_center_id account_id vm_id volume_id net_io_read net_io_write current_io_read ' +
      'current_io_write agg_io_read agg_io_write net_bytes_read net_bytes_write ' +
      'current_bytes_read current_bytes_write agg_bytes_read agg_bytes_write',
  ),
  table('bucket_statistics', 'counter', 'id', 'id account_id bucket_id size?'),
  table('bucket', 'bucket', 'id', 'id account_id removed?'),
  table('vm_template', 'template', 'id', 'id public removed? account_id'),
  table('usage_event_details', 'event-detail', 'id', 'id usage_event_id name value'),
  table(
    'usage_event',
    'usage-event',
    'id',
    'id type account_id created zone_id resource_id? resource_name? offering_id? template_id? size? ' +
      'resource_type? processed virtual_size? vm_id?+',
  ),
];

// `?` marks a column that may be NULL, `+` one that older releases lack.
function table(name: string, kind: FeedKind, primaryKey: string, columns: string): CapturedTable {
  return {
    name,
    kind,
    primaryKey,
    columns: columns.split(' ').map((text) => ({
      name: text.replace(/[?+]*$/, ''),
      nullable: text.includes('?'),
      needed: !text.includes('+'),
    })),
  };
}

export const capturedTable = (name: string): CapturedTable | undefined =>
  capturedTables.find((each) => each.name === name);
