import type { EpochMs, Window } from '../contracts/time.ts';
import { dayMs, timeZone } from './time-zone.ts';

/** How a cloud cuts time: CloudStack's aggregation range and aggregation time zone. */
export interface WindowSpec {
  /** 1440 = calendar days, 60 = hours. Whole minutes, >= 1. */
  readonly rangeMinutes: number;
  /** IANA name, `GMT`, or `GMT+hh:mm`; empty is GMT. */
  readonly timeZone: string;
  /**
   * Of a range that {@link hasOrigin}: the start of any one window; kept as {@link toOrigin} has it. null or left
   * out: windows as generations had them that were made without one.
   */
  readonly originMs?: EpochMs | null;
}

const minutesPerDay = 1440;
const maxRangeMinutes = 366 * minutesPerDay;

/**
 * Whether windows of a range follow each other from the first that there was, and not from midnights or full
 * hours: all but days and hours, as CloudStack's usage server has it.
 */
export const hasOrigin = (rangeMinutes: number): boolean =>
  rangeMinutes !== minutesPerDay && rangeMinutes !== 60;

/** The first start from 1970 on of windows of which one starts at `startMs`: equal for equal windows. */
export function toOrigin(startMs: EpochMs, rangeMinutes: number): EpochMs {
  const rangeMs = rangeMinutes * 60_000;
  return ((startMs % rangeMs) + rangeMs) % rangeMs;
}

/** Whether two specs cut time alike. */
export const isSameSpec = (a: WindowSpec, b: WindowSpec): boolean =>
  a.rangeMinutes === b.rangeMinutes &&
  a.timeZone === b.timeZone &&
  (a.originMs ?? null) === (b.originMs ?? null);

/**
 * The window that holds an instant. Windows of one spec abut, hold at least 1 ms and never overlap.
 * 1440 is a calendar day of the zone, 23 or 25 hours long where the clock is changed; 60 an hour from its
 * midnight on. Any other range is counted from its origin in absolute time, whatever the zone. Without
 * an origin:
 *
 * - a multiple of 1440: that many calendar days of the zone, counted from 1970-01-01; a day is 23 or
 *   25 hours long where the clock is changed, and a day that a zone skipped adds nothing;
 * - a divisor of 1440: steps from the zone's midnight; the last of a day ends with the day, so
 *   that a 25-hour day has 25 hours, and a half-hour change leaves one half hour before midnight;
 * - any other range: steps from 1970-01-01T00:00Z, whatever the zone, as no day can be cut by it.
 *
 * In GMT all three are one: multiples of the range since the epoch.
 *
 * @throws RangeError when the zone is unknown; {@link checkWindowSpec} says so before.
 */
export function windowOf(ms: EpochMs, spec: WindowSpec): Window {
  const rangeMs = spec.rangeMinutes * 60_000;
  const zone = timeZone(spec.timeZone);
  if (typeof spec.originMs === 'number' && hasOrigin(spec.rangeMinutes))
    return step(spec.originMs, ms, rangeMs);
  const dividesDay = minutesPerDay % spec.rangeMinutes === 0;
  const isDays = spec.rangeMinutes % minutesPerDay === 0;
  if (zone.isGmt || (!dividesDay && !isDays)) return step(0, ms, rangeMs);
  if (spec.rangeMinutes === minutesPerDay) return zone.dayAround(ms);
  if (isDays) {
    const days = rangeMs / dayMs;
    const first = Math.floor(zone.dayAt(zone.dayAround(ms).startMs) / days) * days;
    return { startMs: zone.dayStart(first), endMs: zone.dayStart(first + days) };
  }
  const day = zone.dayAround(ms);
  const { startMs, endMs } = step(day.startMs, ms, rangeMs);
  return { startMs, endMs: Math.min(endMs, day.endMs) };
}

/** The window that starts where `window` ends. */
export const nextWindow = (window: Window, spec: WindowSpec): Window =>
  windowOf(window.endMs, spec);

/**
 * Tells whether a window takes no more events.
 *
 * @param watermarkMs  Every change committed before this source time has been seen.
 * @param closeDelayMs How long after the window's end an event may still arrive in time, ms, >= 0.
 */
export const isClosed = (window: Window, watermarkMs: EpochMs, closeDelayMs: number): boolean =>
  watermarkMs >= window.endMs + closeDelayMs;

/** What is wrong with a spec, in words for an operator; empty when nothing is. */
export function checkWindowSpec(spec: WindowSpec): string[] {
  const problems: string[] = [];
  const { rangeMinutes } = spec;
  if (!Number.isInteger(rangeMinutes) || rangeMinutes < 1 || rangeMinutes > maxRangeMinutes)
    problems.push(
      `the aggregation range must be whole minutes from 1 to ${maxRangeMinutes}, not ${rangeMinutes}`,
    );
  try {
    timeZone(spec.timeZone);
  } catch {
    problems.push(`unknown aggregation time zone: ${spec.timeZone}`);
  }
  if (typeof spec.originMs === 'number' && spec.originMs % 60_000 !== 0)
    problems.push('windows start at whole minutes; their origin does not');
  return problems;
}

function step(origin: EpochMs, ms: EpochMs, rangeMs: number): Window {
  const startMs = origin + Math.floor((ms - origin) / rangeMs) * rangeMs;
  return { startMs, endMs: startMs + rangeMs };
}
