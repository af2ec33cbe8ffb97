import { sqlDateTime } from '../../../src/contracts/time.ts';
import type { AccountId } from '../../../src/contracts/ids.ts';
import type { EpochMs, Window } from '../../../src/contracts/time.ts';
import { hoursText, rawHours } from '../../../src/domain/hours.ts';
import type { HelperRow, JavaTables } from './java-tables.ts';

/** What the parsers of an account read. */
export interface ParserContext {
  readonly tables: JavaTables;
  readonly accountId: AccountId;
  readonly domainId: string;
  readonly window: Window;
  /** The clock of the run. */
  readonly runMs: EpochMs;
  /** Whether a row of less than no time fails the run; it is left out if not. */
  readonly negativeFails: boolean;
}

/** A row has less than no time: its column is unsigned, and the run fails. */
export class NegativeRow extends Error {}

type Cell = string | number | null;

/** Columns of cloud_usage that a type gives. */
export interface UsageColumns {
  readonly usageType: number;
  readonly zoneId: string;
  readonly description: string;
  readonly vmInstanceId?: Cell;
  readonly vmName?: Cell;
  readonly offeringId?: Cell;
  readonly templateId?: Cell;
  readonly usageId?: Cell;
  readonly type?: Cell;
  readonly size?: Cell;
  readonly networkId?: Cell;
  readonly virtualSize?: Cell;
  readonly cpuSpeed?: Cell;
  readonly cpuCores?: Cell;
  readonly memory?: Cell;
  readonly isHidden?: boolean;
  readonly state?: Cell;
  /** Where they are not those of the window; the end as it is stored. */
  readonly startMs?: EpochMs;
  readonly endMs?: EpochMs;
}

/** A line of cloud_usage.tsv. */
export function usageLine(
  { accountId, domainId, window }: ParserContext,
  columns: UsageColumns,
  { display, raw }: { readonly display: string; readonly raw: number },
): string {
  const cells: (Cell | undefined)[] = [
    ...[columns.zoneId, accountId, domainId, columns.description, display, columns.usageType],
    ...[String(raw), columns.vmInstanceId, columns.vmName, columns.offeringId],
    ...[columns.templateId, columns.usageId, columns.type, columns.size, columns.networkId],
    sqlDateTime(columns.startMs ?? window.startMs),
    sqlDateTime(columns.endMs ?? window.endMs - 1),
    ...[columns.virtualSize, columns.cpuSpeed, columns.cpuCores, columns.memory, 0],
    ...[columns.isHidden === true ? 1 : 0, columns.state],
  ];
  return cells.map((cell) => cell ?? 'NULL').join('\t');
}

/** The line of a type that bills time. @throws NegativeRow */
export function hoursLine(ctx: ParserContext, columns: UsageColumns, ms: number): string[] {
  if (ms < 0 && ctx.negativeFails) throw new NegativeRow(columns.description);
  if (ms <= 0) return [];
  const raw = rawHours(ms);
  const description = columns.description.slice(0, 255);
  return [usageLine(ctx, { ...columns, description }, { display: hoursText(raw), raw })];
}

/** Whole seconds of a window: the first and the last. */
const seconds = ({ startMs, endMs }: Window) => ({
  first: Math.floor(startMs / 1000) * 1000,
  last: Math.floor((endMs - 1) / 1000) * 1000,
});

/** Rows that the parsers of most types read: open ones, whenever they begin. */
export function touches({ beginMs, endMs }: HelperRow, window: Window): boolean {
  const { first, last } = seconds(window);
  return (
    endMs === null ||
    (first <= beginMs && beginMs <= last) ||
    (first <= endMs && endMs <= last) ||
    (beginMs <= first && endMs >= last)
  );
}

/** Of the other types: an open row must begin before the window's end. */
export const touchesBegun = (row: HelperRow, window: Window): boolean =>
  touches(row, window) && (row.endMs !== null || row.beginMs <= seconds(window).last);

/** What of a row is in a window, both ends counted, ms; null when it begins after. */
export function clipped(row: HelperRow, { startMs, endMs }: Window): number | null {
  const last = endMs - 1;
  const begin = Math.max(row.beginMs, startMs);
  const end = row.endMs === null || row.endMs > last ? last : row.endMs;
  return begin > last ? null : end - begin + 1;
}

interface KeyedTime {
  readonly key: string;
  ms: number;
  /** The first that is billed. */
  first: HelperRow | null;
  /** The last that is read, billed or not. */
  last: HelperRow;
}

/** Sums of the rows of one key, in the order of their first row. */
export function timeByKey(
  rows: readonly HelperRow[],
  window: Window,
  keyOf: (row: HelperRow) => string,
): (KeyedTime & { readonly first: HelperRow })[] {
  const sums = new Map<string, KeyedTime>();
  for (const row of rows) {
    const key = keyOf(row);
    const ms = clipped(row, window);
    const sum = sums.get(key) ?? { key, ms: 0, first: null, last: row };
    sums.set(key, sum);
    sum.last = row;
    if (ms === null) continue;
    sum.ms += ms;
    sum.first ??= row;
  }
  return [...sums.values()].flatMap((sum) => {
    const { first } = sum;
    return first === null || sum.ms <= 0 ? [] : [{ ...sum, first }];
  });
}
