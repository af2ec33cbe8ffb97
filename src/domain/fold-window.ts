import type { FoldWindow } from '../contracts/fold.ts';
import type { Window } from '../contracts/time.ts';
import type { QuirkSet } from './quirks.ts';
import { dayMs, timeZone } from './time-zone.ts';
import type { WindowSpec } from './window.ts';

/** CloudStack adds a piece of up to a minute to the window after it. */
const leastPartMs = 60_000;

/** Whether windows can be longer than a day because a clock is set back in them. */
export const hasLongDays = ({ rangeMinutes, timeZone: zone }: WindowSpec): boolean =>
  rangeMinutes === 1440 && !timeZone(zone).isGmt;

/**
 * A window as it is folded: with its run time, and, where the preset cuts a long day in two (quirk
 * `splitLongDay`), the two windows that it is billed as: 24 hours counted back from its end, and the rest before.
 *
 * @param closeDelayMs From the end of a window to its run.
 */
export function foldWindow(
  window: Window,
  {
    spec,
    closeDelayMs,
    quirks,
  }: { readonly spec: WindowSpec; readonly closeDelayMs: number; readonly quirks: QuirkSet },
): FoldWindow {
  const { startMs, endMs } = window;
  const run = { startMs, endMs, runMs: endMs + closeDelayMs };
  const cutMs = endMs - dayMs;
  if (!quirks.splitLongDay || !hasLongDays(spec) || cutMs - startMs <= leastPartMs) return run;
  return {
    ...run,
    billedAs: [
      { startMs, endMs: cutMs },
      { startMs: cutMs, endMs },
    ],
  };
}
