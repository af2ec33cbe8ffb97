import type { AccountId, EventId, U64, ZoneId } from './ids.ts';
import type { EpochMs } from './time.ts';

/** One span of billed time behind a row: half-open in meaning, inclusive in CloudStack's arithmetic (+1 ms). */
export interface LineageInterval {
  /** Event that opened the interval. */
  readonly openedBy: EventId;
  /** Event that closed it; null while open at the end of the window. */
  readonly closedBy: EventId | null;
  readonly beginMs: EpochMs;
  readonly endMs: EpochMs;
  /** What this interval adds to the row, ms. */
  readonly billedMs: number;
}

/**
 * One row as `cloud_usage.cloud_usage` gets it (all columns but id and quota_calculated, which is 0),
 * with its identity and where it came from. Column meaning: docs/cloudstack/usage-rows.md.
 */
export interface UsageRow {
  /**
   * The parser's key within (account, usage type, window): two rows of one window with equal
   * (accountId, usageType, key) are the same row.
   */
  readonly key: string;
  readonly usageType: number;
  readonly accountId: AccountId;
  readonly domainId: U64;
  readonly zoneId: ZoneId;
  readonly description: string;
  readonly usageDisplay: string;
  /** Hours, bytes or requests, as the type has it; the exact double that is stored. */
  readonly rawUsage: number;
  /** What rawUsage was made of, exact: ms for the hour types, bytes or requests else; decimal text. */
  readonly quantity: string;
  readonly vmInstanceId: U64 | null;
  readonly vmName: string | null;
  readonly offeringId: U64 | null;
  readonly templateId: U64 | null;
  readonly usageId: U64 | null;
  readonly type: string | null;
  readonly size: U64 | null;
  readonly networkId: U64 | null;
  readonly virtualSize: U64 | null;
  readonly cpuSpeed: U64 | null;
  readonly cpuCores: U64 | null;
  readonly memory: U64 | null;
  readonly isHidden: boolean;
  readonly state: string | null;
  /** start_date and end_date before they are cut to seconds; the window's, but for types 25 and 27. */
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
  readonly lineage: readonly LineageInterval[];
}
