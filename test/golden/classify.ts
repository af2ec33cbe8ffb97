import type { EpochMs, Window } from '../../src/contracts/time.ts';
import { sqlMs } from '../support/sql-script.ts';
import { differing, times } from './counts.ts';
import type { Counts } from './counts.ts';
import { unexplained } from './fault-classes.ts';
import type { FaultClass } from './fault-classes.ts';
import { factsOfLine } from './resources.ts';

/** One row too many or too few. */
export interface Difference {
  readonly line: string;
  /** Who has the row. */
  readonly side: 'server' | 'ours';
  readonly class: FaultClass | typeof unexplained;
}

/** What a usage server with the faults so far would write, and what the last of them is called. */
export interface Model {
  readonly fault: FaultClass;
  readonly rows: Counts;
}

export interface Evidence {
  readonly server: Counts;
  readonly ours: Counts;
  /** The rows of a server without faults. */
  readonly clean: Counts;
  /** One fault more each; the last has all. */
  readonly models: readonly Model[];
  /** The window around an instant. */
  readonly windowOf: (ms: EpochMs) => Window;
  /** Windows that the runs of the last model computed. */
  readonly jobs?: readonly Window[];
  /** What chance explains all lines of one resource that the last model does not; null when none does. */
  readonly chanceOf?: (resource: string, lines: readonly string[]) => FaultClass | null;
  /** Whether an event of the line's resource came late. */
  readonly isLate?: (line: string) => boolean;
}

/**
 * Explains each difference between a server's rows and ours. A difference belongs to a class when the
 * fault of that class alone makes a model of the server, which has our rows without it, write the row
 * as often as the server did. What we wrote must be what a faultless fold writes; rows that the last
 * model, which has all faults, does not write are explained by what is left to chance, if a model in
 * which chance goes that way writes all rows of the resource as the server did, or not at all.
 */
export function classify(evidence: Evidence): Difference[] {
  const { server, ours, clean, models } = evidence;
  const found: Difference[] = [];
  const add = (line: string, name: Difference['class'], wanted?: number): void => {
    const change = wanted ?? times(server, line) - times(ours, line);
    const side = change > 0 ? 'server' : 'ours';
    for (let n = 0; n < Math.abs(change); n++) found.push({ line, side, class: name });
  };
  const open: string[] = [];
  for (const line of differing(server, ours)) {
    const last = models.at(-1)?.rows ?? clean;
    if (times(clean, line) !== times(ours, line)) add(line, unexplained);
    else if (times(last, line) !== times(server, line)) open.push(line);
    else for (const step of steps(line, evidence)) add(line, step.class, step.change);
  }
  for (const [resource, lines] of Map.groupBy(open, (line) => factsOfLine(line).resource)) {
    const name = evidence.chanceOf?.(resource, lines) ?? unexplained;
    for (const line of lines) add(line, name);
  }
  return found;
}

/** What each fault adds to or takes from a row; changes that cancel each other are left out. */
function steps(line: string, evidence: Evidence) {
  const { server, ours, clean, models } = evidence;
  const direction = Math.sign(times(server, line) - times(ours, line));
  let left = Math.abs(times(server, line) - times(ours, line));
  let before = times(clean, line);
  const made: { class: FaultClass; change: number }[] = [];
  for (const { fault, rows } of models) {
    const change = times(rows, line) - before;
    before = times(rows, line);
    if (Math.sign(change) !== direction) continue;
    const counted = Math.min(left, Math.abs(change));
    left -= counted;
    const name = fault === 'pull-back' ? pullBackOf(line, direction, evidence) : fault;
    if (counted > 0) made.push({ class: name, change: direction * counted });
  }
  return made;
}

/** What a run that began too early did here. */
function pullBackOf(line: string, direction: number, evidence: Evidence): FaultClass {
  const { ours, windowOf, jobs = [], isLate } = evidence;
  const { startDate, usageType } = factsOfLine(line);
  const startMs = sqlMs(startDate) ?? 0;
  const window = windowOf(startMs);
  if (startMs !== window.startMs && !ownDates.has(usageType))
    return window.endMs - startMs <= minute ? 'merged-minute' : 'pull-back';
  const isMerged = jobs.some((job) => job.startMs < startMs && startMs - job.startMs <= minute);
  if (direction < 0) return isMerged ? 'merged-minute' : 'pull-back';
  if (times(ours, line) > 0) return 'duplicate';
  return isLate?.(line) === true ? 'late-event' : 'pull-back';
}

const minute = 60_000;

/** Rows of these types begin with their interval. */
const ownDates = new Set([25, 27]);
