import type { EpochMs } from '../../src/contracts/time.ts';
import { windowOf } from '../../src/domain/window.ts';

const minuteMs = 60_000;
const dayMinutes = 1440;
/** No time zone is further from GMT. */
const furthestMinutes = 14 * 60;

/**
 * The time zone in which our windows begin where those of a usage server did. Its days begin at a
 * midnight, its hours at an hour of its time zone, and windows of another length at any minute, as its
 * first run had it: as many minutes from GMT as the windows are from ours.
 *
 * @throws Error saying why there is none.
 */
export function zoneOfWindows({
  fromMs,
  toMs,
  rangeMs,
}: {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly rangeMs: number;
}): string {
  if (fromMs % minuteMs !== 0)
    throw new Error('run.json: windows of ours begin at whole minutes; `from` does not');
  if (toMs <= fromMs || (toMs - fromMs) % rangeMs !== 0)
    throw new Error(
      'run.json: from `from` to `to` must be whole windows; a longer or shorter first window, or a day of 23 or 25 hours, has no counterpart in ours',
    );
  const rangeMinutes = rangeMs / minuteMs;
  const begins = (timeZone: string): boolean =>
    windowOf(fromMs, { rangeMinutes, timeZone }).startMs === fromMs;
  const found = ['GMT', ...shifted(fromMs, rangeMinutes)].find(begins);
  if (found !== undefined) return found;
  throw new Error(
    `run.json: windows of ${rangeMinutes} minutes do not fit into a day, so ours are counted from 1970 whatever the time zone; \`from\` is not one of their starts`,
  );
}

/** Zones whose midnight is a whole number of windows from `fromMs`, the nearest first. */
function shifted(fromMs: EpochMs, rangeMinutes: number): string[] {
  const step = Math.min(rangeMinutes, dayMinutes);
  const late = (fromMs / minuteMs) % step;
  return [-late, step - late]
    .filter((minutes) => Math.abs(minutes) <= furthestMinutes)
    .toSorted((a, b) => Math.abs(a) - Math.abs(b))
    .map(zoneName);
}

function zoneName(minutesEast: number): string {
  const [hours, minutes] = [Math.floor(Math.abs(minutesEast) / 60), Math.abs(minutesEast) % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return `GMT${minutesEast < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`;
}
