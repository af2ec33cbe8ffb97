import type { AccountId, U64, ZoneId } from '../contracts/ids.ts';
import type { FoldWindow } from '../contracts/fold.ts';
import type { LineageInterval, UsageRow } from '../contracts/usage-row.ts';
import { hoursText, rawHours } from './hours.ts';
import type { QuirkSet } from './quirks.ts';

/** What every row of an account and window has in common. */
export interface RowContext {
  readonly accountId: AccountId;
  readonly domainId: U64;
  readonly window: FoldWindow;
  readonly quirks: QuirkSet;
}

type Column = 'vmInstanceId' | 'vmName' | 'offeringId' | 'templateId' | 'usageId' | 'type';
type Further = 'size' | 'networkId' | 'virtualSize' | 'cpuSpeed' | 'cpuCores' | 'memory' | 'state';
/** Columns that are NULL, and dates that are the window's, unless a type says otherwise. */
type Optional = Partial<Pick<UsageRow, Column | Further | 'isHidden' | 'startMs' | 'endMs'>>;

/** What the row of an hour type says of itself. */
export interface HoursFields extends Optional {
  readonly usageType: number;
  readonly zoneId: ZoneId;
  readonly description: string;
}

/** What the row of a counter or a size says of itself. */
export interface AmountFields extends HoursFields {
  readonly key: string;
  readonly usageDisplay: string;
  /** Bytes or requests. */
  readonly amount: bigint;
}

/** Billed milliseconds of one key, and the intervals they come from. */
export interface BilledTime {
  readonly key: string;
  readonly ms: number;
  readonly lineage: readonly LineageInterval[];
}

/** A row of an hour type. Its description is cut to 255 UTF-16 units, as CloudStack stores it. */
export function hoursRow(ctx: RowContext, billed: BilledTime, fields: HoursFields): UsageRow {
  const rawUsage = rawHours(billed.ms);
  return {
    ...blank(ctx),
    ...fields,
    description: fields.description.slice(0, 255),
    key: billed.key,
    usageDisplay: hoursText(rawUsage),
    rawUsage,
    quantity: String(billed.ms),
    lineage: billed.lineage,
  };
}

/** A row of bytes or requests. Its description is not cut. */
export function amountRow(ctx: RowContext, { amount, ...fields }: AmountFields): UsageRow {
  return {
    ...blank(ctx),
    ...fields,
    rawUsage: Number(amount),
    quantity: String(amount),
    lineage: [],
  };
}

function blank({ accountId, domainId, window }: RowContext) {
  return {
    accountId,
    domainId,
    vmInstanceId: null,
    vmName: null,
    offeringId: null,
    templateId: null,
    usageId: null,
    type: null,
    size: null,
    networkId: null,
    virtualSize: null,
    cpuSpeed: null,
    cpuCores: null,
    memory: null,
    isHidden: false,
    state: null,
    startMs: window.startMs,
    endMs: window.endMs - 1,
  } satisfies Partial<UsageRow>;
}
