import { u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import { sqlDateTime } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import { usageColumnsBut } from './usage-columns.ts';

/** Columns of cloud_usage.cloud_usage beside id and the two marks, quota_calculated and is_hidden. */
export const usageColumns = usageColumnsBut('is_hidden');
export type UsageColumn = (typeof usageColumns)[number];

/** The cells of a row as text; equal rows have equal text. */
export type UsageCells = Readonly<Record<UsageColumn, string | null>>;

/** A row as it is in the table. */
export interface StoredRow {
  readonly id: U64;
  readonly cells: UsageCells;
  /** Quota has charged it: it may not be deleted. */
  readonly isCharged: boolean;
  readonly isHidden: boolean;
}

/** A row that should be there. */
export interface WantedRow {
  readonly cells: UsageCells;
  readonly isHidden: boolean;
}

/** A computed row as the table would hold it. */
export function wantedRow(row: UsageRow): WantedRow {
  return {
    isHidden: row.isHidden,
    cells: {
      zone_id: row.zoneId,
      account_id: row.accountId,
      domain_id: row.domainId,
      description: basicPlane(row.description),
      usage_display: row.usageDisplay,
      usage_type: String(row.usageType),
      raw_usage: String(row.rawUsage),
      vm_instance_id: row.vmInstanceId,
      vm_name: basicPlane(row.vmName),
      offering_id: row.offeringId,
      template_id: row.templateId,
      usage_id: row.usageId,
      type: basicPlane(row.type),
      size: row.size,
      network_id: row.networkId,
      start_date: sqlDateTime(row.startMs),
      end_date: sqlDateTime(row.endMs),
      virtual_size: row.virtualSize,
      cpu_speed: row.cpuSpeed,
      cpu_cores: row.cpuCores,
      memory: row.memory,
      state: basicPlane(row.state),
    },
  };
}

/**
 * A row of a result set. Doubles must have been cast to text by the server.
 * @throws RangeError when its id is none
 */
export function storedRow(row: Readonly<Record<string, unknown>>): StoredRow {
  const cells: Partial<Record<UsageColumn, string | null>> = {};
  for (const column of usageColumns) cells[column] = textOf(row[column]);
  return {
    id: u64(textOf(row['id']) ?? ''),
    cells: { ...(cells as UsageCells), raw_usage: String(Number(cells.raw_usage)) },
    isCharged: textOf(row['quota_calculated']) === '1',
    isHidden: textOf(row['is_hidden']) === '1',
  };
}

/** Two rows with equal text are the same in all columns but id and the marks. */
export const contentOf = (cells: UsageCells): string =>
  JSON.stringify(usageColumns.map((column) => cells[column]));

/** Which resource a row is about, within its account and type. */
export const resourceOf = ({ cells }: { readonly cells: UsageCells }): string =>
  [cells.usage_type, cells.usage_id, cells.vm_instance_id, cells.network_id].join(' ');

/** CloudStack's columns are utf8mb3: what they cannot hold is a question mark there. */
function basicPlane<T extends string | null>(text: T): T {
  return text === null ? text : (text.replaceAll(/[\u{10000}-\u{10FFFF}]/gu, '?') as T);
}

function textOf(cell: unknown): string | null {
  return typeof cell === 'string' || typeof cell === 'number' ? String(cell) : null;
}
