import { sqlDateTime } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import { usageColumnsBut } from './usage-columns.ts';

/**
 * The columns of a usage row that a late event can change beside its quantity. Their order is part of a
 * correction's id. `domain_id` is none of them: it is the account's as known now, not an event's.
 */
export const comparedColumns = [
  ...usageColumnsBut(
    ...(['account_id', 'domain_id', 'usage_type', 'usage_display', 'raw_usage'] as const),
    ...(['start_date', 'end_date'] as const),
  ),
  ...(['start_date', 'end_date'] as const),
] as const;
export type ComparedColumn = (typeof comparedColumns)[number];

/** Values as text; an absent name is NULL. */
export type RowColumns = { readonly [C in ComparedColumn]?: string | null };

/** What a correction changes: old and new value by column; empty when only the quantity was wrong. */
export type ColumnChanges = {
  readonly [C in ComparedColumn]?: readonly [string | null, string | null];
};

/** The compared columns of a row as its table has them. */
export const rowColumns = (row: UsageRow): RowColumns => ({
  zone_id: row.zoneId,
  description: row.description,
  vm_instance_id: row.vmInstanceId,
  vm_name: row.vmName,
  offering_id: row.offeringId,
  template_id: row.templateId,
  usage_id: row.usageId,
  type: row.type,
  size: row.size,
  network_id: row.networkId,
  virtual_size: row.virtualSize,
  cpu_speed: row.cpuSpeed,
  cpu_cores: row.cpuCores,
  memory: row.memory,
  is_hidden: row.isHidden ? '1' : '0',
  state: row.state,
  start_date: sqlDateTime(row.startMs),
  end_date: sqlDateTime(row.endMs),
});

/** What differs. */
export function columnChanges(old: RowColumns, now: RowColumns): ColumnChanges {
  const pairs = comparedColumns.flatMap((name) => {
    const [was, is] = [old[name] ?? null, now[name] ?? null];
    return was === is ? [] : [[name, [was, is]] as const];
  });
  return Object.fromEntries(pairs);
}

/** The columns after the changes. */
export const withChanges = (columns: RowColumns, changes: ColumnChanges): RowColumns => ({
  ...columns,
  ...Object.fromEntries(Object.entries(changes).map(([name, [, now]]) => [name, now])),
});
