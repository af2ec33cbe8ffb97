/**
 * The columns of CloudStack's table `cloud_usage` in its order, but for `id` and `quota_calculated`: the one list
 * that all others are made from. See docs/cloudstack/tables.md.
 */
export const cloudUsageColumns = [
  'zone_id',
  'account_id',
  'domain_id',
  'description',
  'usage_display',
  'usage_type',
  'raw_usage',
  'vm_instance_id',
  'vm_name',
  'offering_id',
  'template_id',
  'usage_id',
  'type',
  'size',
  'network_id',
  'start_date',
  'end_date',
  'virtual_size',
  'cpu_speed',
  'cpu_cores',
  'memory',
  'is_hidden',
  'state',
] as const;
export type CloudUsageColumn = (typeof cloudUsageColumns)[number];

/** Those that hold text of any characters. */
export const textColumns = [
  'description',
  'usage_display',
  'vm_name',
  'type',
  'state',
] as const satisfies readonly CloudUsageColumn[];

/** All columns but some, in their order. */
export const usageColumnsBut = <C extends CloudUsageColumn>(
  ...left: readonly C[]
): readonly Exclude<CloudUsageColumn, C>[] =>
  cloudUsageColumns.filter(
    (column): column is Exclude<CloudUsageColumn, C> => !left.some((one) => one === column),
  );
