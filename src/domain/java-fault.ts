import type { EpochMs, Window } from '../contracts/time.ts';
import { hasOwnDates } from './diff.ts';
import type { Difference, DiffRow } from './diff.ts';
import type { UnswitchedQuirkName } from './unswitched-quirks.ts';

/** Faults of a Java usage server that rows, events and runs can show; what each is, is in unswitched-quirks.ts. */
export type JavaFault = Extract<
  UnswitchedQuirkName,
  'duplicate' | 'pull-back' | 'merged-minute' | 'catch-up' | 'late-id' | 'undo' | 'late-event'
>;

/** What is known of the Java server for one account and window. */
export interface JavaEvidence {
  readonly window: Window;
  /** The server's successful runs that touch the window, half-open; null: not known. */
  readonly runs: readonly Window[] | null;
  /** Of the events behind the rows: those that it never copied, and those that it copied and never used. */
  readonly absent: ReadonlySet<string>;
  readonly stuck: ReadonlySet<string>;
  /** Resources (usage_id or vm_instance_id) with events that it never used. */
  readonly stuckResources: ReadonlySet<string>;
  /** Resources that a late event corrected on our side. */
  readonly corrected: ReadonlySet<string>;
}

/**
 * Names the fault of a Java server that explains a difference; null when none does. The strongest evidence
 * comes first: the row itself, then the events behind it, then the runs.
 */
export function javaFaultOf(
  difference: Difference,
  java: 'left' | 'right',
  evidence: JavaEvidence,
): JavaFault | null {
  const theirs = difference[java];
  const ours = difference[java === 'left' ? 'right' : 'left'];
  const early = theirs === null ? 0 : earlyMs(theirs, evidence.window);
  if (early > 0) return early <= minute ? 'merged-minute' : 'pull-back';
  if (difference.class === 'duplicate' && theirs) return 'duplicate';
  if (ours?.correction != null || isAdjustment(ours)) return 'late-event';
  const { absent, stuck, stuckResources, corrected, runs, window } = evidence;
  const events = ours?.events ?? [];
  if (events.some((id) => absent.has(id))) return 'late-id';
  if (events.some((id) => stuck.has(id))) return 'undo';
  const resources = [...resourcesOf(theirs), ...resourcesOf(ours)];
  if (resources.some((id) => stuckResources.has(id))) return 'undo';
  if (resources.some((id) => corrected.has(id))) return 'late-event';
  if (ours !== null && counterTypes.has(ours.usageType)) return 'late-id';
  if (runs === null) return null;
  if (runs.some((run) => run.startMs < window.startMs && run.endMs > window.startMs))
    return 'pull-back';
  const isOnTime = runs.some(
    ({ startMs, endMs }) => startMs === window.startMs && endMs === window.endMs,
  );
  return isOnTime ? null : 'catch-up';
}

/** By which events and rows are known to be of one thing. */
export const resourcesOf = (row: DiffRow | null): string[] =>
  [row?.cells.usage_id, row?.cells.vm_instance_id].filter((id) => typeof id === 'string');

const isAdjustment = (row: DiffRow | null): boolean =>
  row?.cells.description?.startsWith('Adjustment for ') === true;

const minute = 60_000;
const counterTypes = new Set([4, 5, 21, 22, 23, 24]);

/** How long before its window's end of days the row begins off the grid: a run of other bounds wrote it. */
function earlyMs(row: DiffRow, window: Window): number {
  if (hasOwnDates(row.usageType)) return 0;
  const startMs = dateMs(row.cells.start_date);
  return startMs === null || startMs === window.startMs ? 0 : window.endMs - startMs;
}

/** `YYYY-MM-DD hh:mm:ss` in GMT; null when it is not one. */
export function dateMs(text: string | null): EpochMs | null {
  const parts = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/.exec(text ?? '');
  if (!parts) return null;
  const [, year, month, day, hours, minutes, seconds] = parts.map(Number);
  return (
    epochDays(year ?? 0, month ?? 1, day ?? 1) * 86_400_000 +
    (hours ?? 0) * 3_600_000 +
    (minutes ?? 0) * minute +
    (seconds ?? 0) * 1000
  );
}

/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar. */
function epochDays(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const ofEra = shifted - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const days = ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear;
  return era * 146_097 + days - 719_468;
}
