import type { EventId } from '../contracts/ids.ts';
import { compareU64 } from '../contracts/ids.ts';
import type { Window } from '../contracts/time.ts';
import { sqlDateTime } from '../contracts/time.ts';
import { contentOf, resourceOf } from './audit-row.ts';
import type { StoredRow, WantedRow } from './audit-row.ts';
import type { RunIds } from './audit-runs.ts';

/** What is odd about rows of one account and window. */
export type RowFinding =
  /** Equal to the row that is kept. */
  | { readonly kind: 'duplicate'; readonly row: StoredRow; readonly keptId: string }
  /** Written again by a run that began before what was billed already; it has no original. */
  | { readonly kind: 'rerun'; readonly row: StoredRow }
  /** Of a resource that had ended before the window. */
  | { readonly kind: 'after-deletion'; readonly row: StoredRow; readonly closedBy: EventId | null }
  /** Nothing in the events makes it. */
  | { readonly kind: 'surplus'; readonly row: StoredRow }
  /** The resource is billed, but not as its events say. */
  | { readonly kind: 'differs'; readonly row: StoredRow; readonly wanted: WantedRow }
  /** The events make it, and it is not there. */
  | { readonly kind: 'missing'; readonly wanted: WantedRow }
  /** Of a resource of which no event is left to compare with. */
  | { readonly kind: 'unfounded'; readonly row: StoredRow }
  /** Differs only since a VPN user ends at the clock of the run, which is not kept. */
  | { readonly kind: 'vpn-clock'; readonly row: StoredRow; readonly wanted: WantedRow };
export type RowKind = RowFinding['kind'];

/** What the account's events say of the resource of a row; null: they never name it. */
export type ResourceLookup = (row: StoredRow) => { readonly closedBy: EventId | null } | null;

export interface WindowRows {
  readonly window: Window;
  /** Job that billed the window first. */
  readonly jobId: string;
  readonly wanted: readonly WantedRow[];
  /** Rows that end in the window, in id order. */
  readonly stored: readonly StoredRow[];
  readonly runs: RunIds;
  readonly lookUp: ResourceLookup;
}

/** Types that are polled when a window is computed: nothing is left to compute them from again. */
const polledTypes: ReadonlySet<string | null> = new Set(['29']);
/** Types that come from deltas kept by the server itself. */
const deltaTypes: ReadonlySet<string | null> = new Set(['4', '5', '21', '22', '23', '24']);
/** Types with dates of their own. */
const ownDates: ReadonlySet<string | null> = new Set(['25', '27']);
const vpnType = '14';

/**
 * Compares the rows of one account that end in a window with what its events make. Of equal rows the one
 * with the lowest id is kept.
 */
export function compareRows(input: WindowRows): { kept: number; findings: RowFinding[] } {
  const { kept, extra, missing } = matchEqual(input);
  const findings: RowFinding[] = [];
  const unmatched: StoredRow[] = [];
  const keptIds = new Map(kept.map((row) => [contentOf(row.cells), row.id]));
  for (const row of extra) {
    const keptId = keptIds.get(contentOf(row.cells));
    if (keptId === undefined) unmatched.push(row);
    else findings.push({ kind: 'duplicate', row, keptId });
  }
  const { pairs, rows, wanted } = matchResources(unmatched, missing);
  for (const pair of pairs)
    findings.push({ kind: isVpnClock(pair) ? 'vpn-clock' : 'differs', ...pair });
  const billed = new Set([...kept, ...pairs.map(({ row }) => row)].map(resourceOf));
  const unfounded = new Map<string, string>();
  for (const row of rows) findings.push(classify(row, input, billed, unfounded));
  for (const one of wanted) findings.push({ kind: 'missing', wanted: one });
  return { kept: kept.length, findings };
}

function classify(
  row: StoredRow,
  input: WindowRows,
  billed: ReadonlySet<string>,
  unfounded: Map<string, string>,
): RowFinding {
  const content = contentOf(row.cells);
  if (isOfRerun(row, input)) return { kind: 'rerun', row };
  const known = deltaTypes.has(row.cells.usage_type) ? { closedBy: null } : input.lookUp(row);
  if (known === null) {
    const keptId = unfounded.get(content);
    if (keptId !== undefined) return { kind: 'duplicate', row, keptId };
    unfounded.set(content, row.id);
    return { kind: 'unfounded', row };
  }
  if (known.closedBy !== null && !billed.has(resourceOf(row)))
    return { kind: 'after-deletion', row, closedBy: known.closedBy };
  return { kind: 'surplus', row };
}

/** Whether a run wrote the row that billed the window again. */
function isOfRerun({ id, cells }: StoredRow, { window, jobId, runs }: WindowRows): boolean {
  if (runs.isAfter(id, jobId)) return true;
  if (ownDates.has(cells.usage_type)) return false;
  return (
    runs.hasAny &&
    cells.start_date !== sqlDateTime(window.startMs) &&
    cells.end_date === sqlDateTime(window.endMs - 1)
  );
}

interface Matched {
  readonly kept: readonly StoredRow[];
  readonly extra: readonly StoredRow[];
  readonly missing: readonly WantedRow[];
}

function matchEqual({ wanted, stored, runs, jobId }: WindowRows): Matched {
  const open = Map.groupBy(wanted, (row) => contentOf(row.cells));
  const kept: StoredRow[] = [];
  const extra: StoredRow[] = [];
  const polled = new Set<string>();
  for (const row of stored) {
    if (polledTypes.has(row.cells.usage_type)) {
      const isFirst = !polled.has(resourceOf(row)) && !runs.isAfter(row.id, jobId);
      polled.add(resourceOf(row));
      (isFirst ? kept : extra).push(row);
      continue;
    }
    const match = open.get(contentOf(row.cells));
    if (match?.pop() === undefined) extra.push(row);
    else kept.push(row);
  }
  return { kept, extra, missing: [...open.values()].flat() };
}

interface Pair {
  readonly row: StoredRow;
  readonly wanted: WantedRow;
}

/** Finds for each missing row one of the same resource: best a charged one, as it has to stay. */
function matchResources(extra: readonly StoredRow[], missing: readonly WantedRow[]) {
  const candidates = Map.groupBy(
    extra.toSorted((a, b) => Number(b.isCharged) - Number(a.isCharged) || compareU64(a.id, b.id)),
    resourceOf,
  );
  const pairs: Pair[] = [];
  const wanted: WantedRow[] = [];
  for (const one of missing) {
    const row = candidates.get(resourceOf(one))?.shift();
    if (row === undefined) wanted.push(one);
    else pairs.push({ row, wanted: one });
  }
  const paired = new Set(pairs.map(({ row }) => row));
  return { pairs, wanted, rows: extra.filter((row) => !paired.has(row)) };
}

function isVpnClock({ row, wanted }: Pair): boolean {
  if (row.cells.usage_type !== vpnType) return false;
  const { raw_usage, usage_display } = wanted.cells;
  return contentOf({ ...row.cells, raw_usage, usage_display }) === contentOf(wanted.cells);
}
