import type { EpochMs, Window } from '../contracts/time.ts';

export const dayMs = 86_400_000;
/** No zone was ever further from GMT than this. */
const reachMs = 16 * 3_600_000;

const greenwich =
  /^(?:|Z|GMT0?|UTC|UCT|Zulu|Universal|Greenwich|Etc\/(?:GMT|UTC|UCT|Zulu|Universal|Greenwich))$/;
const fixed = /^GMT([+-])(\d{1,2})(?::?(\d\d))?$/;
const offsetText = /GMT(?:([+-])(\d{1,2}):?(\d\d)?(?::(\d\d))?)?/;

/** A zone's offsets and calendar days. Instants are epoch ms, offsets ms east of Greenwich. */
export interface TimeZone {
  /** True when it is GMT at all times: its days are plain arithmetic. */
  readonly isGmt: boolean;
  /** Local wall clock minus GMT at this instant, ms. */
  offsetAt(ms: EpochMs): number;
  /** Days since 1970-01-01 on the wall calendar at this instant. */
  dayAt(ms: EpochMs): number;
  /** First instant whose wall calendar has reached the day; a day that the zone skipped starts with the next. */
  dayStart(day: number): EpochMs;
  /** The calendar day around an instant: 23 or 25 hours long when the clock is changed in it. */
  dayAround(ms: EpochMs): Window;
}

const known = new Map<string, TimeZone>();

/**
 * Finds a zone by its IANA name, `GMT` or Java's `GMT+hh:mm`; results are kept, as making one is slow.
 * @throws RangeError for an unknown name.
 */
export function timeZone(name: string): TimeZone {
  const found = known.get(name);
  if (found) return found;
  const made = makeZone(offsetFunction(name), greenwich.test(name));
  known.set(name, made);
  return made;
}

function offsetFunction(name: string): (ms: EpochMs) => number {
  if (greenwich.test(name)) return () => 0;
  const m = fixed.exec(name);
  if (m) {
    const [hours, minutes] = [Number(m[2]), Number(m[3] ?? 0)];
    if (hours > 14 || minutes > 59) throw new RangeError(`unknown time zone: ${name}`);
    const offset = (m[1] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
    return () => offset;
  }
  const format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  return (ms) => parseOffset(format.format(ms));
}

/** Reads the end of `5/1/2026, GMT+05:45`. */
function parseOffset(text: string): number {
  const [, sign, hours, minutes, seconds] = offsetText.exec(text) ?? [];
  const total = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
  return (sign === '-' ? -total : total) * 1000;
}

function makeZone(offsetAt: (ms: EpochMs) => number, isGmt: boolean): TimeZone {
  const dayAt = (ms: EpochMs): number => Math.floor((ms + offsetAt(ms)) / dayMs);
  const dayStart = (day: number): EpochMs => {
    const wall = day * dayMs;
    const [before, after] = [offsetAt(wall - reachMs), offsetAt(wall + reachMs)];
    if (before === after) return wall - before;
    const change = changeWithin(offsetAt, wall - reachMs, wall + reachMs);
    // Midnight may be passed before the change, fall into the hole it makes, or come after it.
    return wall - before < change ? wall - before : Math.max(change, wall - after);
  };
  let last: Window = { startMs: 0, endMs: 0 };
  const dayAround = (ms: EpochMs): Window => {
    if (ms >= last.startMs && ms < last.endMs) return last;
    let day = dayAt(ms);
    // Where a clock is set back over midnight an instant can read yesterday again: go by the starts.
    while (dayStart(day) > ms) day -= 1;
    while (dayStart(day + 1) <= ms) day += 1;
    last = { startMs: dayStart(day), endMs: dayStart(day + 1) };
    return last;
  };
  return { isGmt, offsetAt, dayAt, dayStart, dayAround };
}

/** First instant in (low, high] with another offset than `low`; they must differ at the ends. */
function changeWithin(offsetAt: (ms: EpochMs) => number, low: EpochMs, high: EpochMs): EpochMs {
  const before = offsetAt(low);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}
