import type { EpochMs, Window } from '../../src/contracts/time.ts';
import { timeZone } from '../../src/domain/time-zone.ts';
import { sqlMs } from '../support/sql-script.ts';

/** One run of a usage server's job: the window it computed for itself, and the clock it ran by. */
export interface JavaRun extends Window {
  readonly runMs: EpochMs;
}

/**
 * Reads windows.tsv: window as `first second..last second`, time of the run. A run whose window ends
 * before it begins found nothing to do.
 * @throws Error when a line is not of that form.
 */
export function readRuns(text: string): JavaRun[] {
  const [, ...lines] = text.trimEnd().split('\n');
  return lines.map((line) => {
    const [window = '', runAt] = line.split('\t');
    const [first, last] = window.split('..').map(sqlMs);
    const runMs = sqlMs(runAt);
    if (first == null || last == null || runMs === null)
      throw new Error(`windows.tsv: not a window and the time of its run: ${line}`);
    return { startMs: first, endMs: last + 1000, runMs };
  });
}

/** A run for each window, on time. */
export function punctualRuns(
  { startMs, endMs }: Window,
  { rangeMs, delayMs }: { rangeMs: number; delayMs: number },
): JavaRun[] {
  const runs: JavaRun[] = [];
  for (let ms = startMs; ms < endMs; ms += rangeMs)
    runs.push({ startMs: ms, endMs: ms + rangeMs, runMs: ms + rangeMs + delayMs });
  return runs;
}

/**
 * Runs as a server that is new has them. Its first run takes the day or the hour before now, and does not
 * carry: on 1 January the day before is in the new year, in the first hour the hour before is of the same
 * day. Such a run finds nothing to do, and the next begins where it should itself.
 *
 * @param zone The server's time zone.
 * @returns null when that makes no difference.
 */
export function rolledRuns(
  runs: readonly JavaRun[],
  { rangeMs, zone }: { readonly rangeMs: number; readonly zone: string },
): JavaRun[] | null {
  const [first, ...others] = runs;
  if (first === undefined || first.startMs >= first.endMs) return null;
  const offsetMs = timeZone(zone).offsetAt(first.endMs);
  const local = new Date(first.endMs + offsetMs).toISOString();
  const isRolled =
    (rangeMs === dayMs && local.slice(5, 16) === '01-01T00:00') ||
    (rangeMs === hourMs && local.slice(11, 16) === '00:00');
  return isRolled ? [{ ...first, startMs: first.endMs }, ...others] : null;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * The windows that a job steps through: whole ranges counted back from its end; a rest of up to a
 * minute at the beginning belongs to the first.
 */
export function jobWindows({ startMs, endMs }: Window, rangeMs: number): Window[] {
  const windows: Window[] = [];
  let end = endMs;
  while (end - 1 - startMs > 60_000) {
    windows.unshift({ startMs: end - rangeMs, endMs: end });
    end -= rangeMs;
  }
  const [first] = windows;
  if (first === undefined) return [{ startMs, endMs }];
  windows[0] = { ...first, startMs };
  return windows;
}
