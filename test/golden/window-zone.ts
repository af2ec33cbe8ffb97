import type { EpochMs } from '../../src/contracts/time.ts';
import { hasOrigin, windowOf } from '../../src/domain/window.ts';
import type { WindowSpec } from '../../src/domain/window.ts';

const minuteMs = 60_000;
const dayMinutes = 1440;
/** No time zone is further from GMT. */
const furthestMinutes = 14 * 60;

/**
 * The windows of a usage server, as ours are told to be. Those of a day or an hour begin at a midnight or a full
 * hour of a time zone: of the one that the folder names, where its days may have 23 or 25 hours; else of
 * one that is as many minutes from GMT as the windows are. Windows of another length begin at any minute, as the
 * server's first run had it.
 *
 * @throws Error saying why there are none.
 */
export function windowsOfRun({
  fromMs,
  toMs,
  rangeMs,
  timeZone: named = 'GMT',
}: {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly rangeMs: number;
  readonly timeZone?: string | undefined;
}): WindowSpec {
  if (fromMs % minuteMs !== 0)
    throw new Error('run.json: windows of ours begin at whole minutes; `from` does not');
  const rangeMinutes = rangeMs / minuteMs;
  const specs: WindowSpec[] = hasOrigin(rangeMinutes)
    ? [{ rangeMinutes, timeZone: named, originMs: fromMs }]
    : [named, 'GMT', ...shifted(fromMs, rangeMinutes)].map((timeZone) => ({
        rangeMinutes,
        timeZone,
      }));
  const begins = (ms: EpochMs) => (spec: WindowSpec) => windowOf(ms, spec).startMs === ms;
  const found = specs.filter(begins(fromMs)).find(begins(toMs));
  if (found !== undefined && toMs > fromMs) return found;
  throw new Error(
    'run.json: from `from` to `to` must be whole windows; a longer or shorter first window has no counterpart in ours',
  );
}

/** Command-line arguments that make a generation with these windows. */
export const windowArgs = ({ timeZone, originMs }: WindowSpec): string[] => [
  ...['--time-zone', timeZone],
  ...(typeof originMs === 'number' ? ['--window-origin', new Date(originMs).toISOString()] : []),
];

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
