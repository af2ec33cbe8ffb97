import type { BillingSettings } from '../contracts/fold.ts';
import type { EpochMs } from '../contracts/time.ts';
import { dayMs, timeZone } from './time-zone.ts';
import { checkWindowSpec, hasOrigin, toOrigin, windowOf } from './window.ts';
import type { WindowSpec } from './window.ts';

/** What a generation is folded by, beside its preset. */
export interface CloudRules {
  readonly window: WindowSpec;
  /** How long after its end a window takes events, ms. */
  readonly closeDelayMs: number;
  readonly settings: BillingSettings;
}

/** What the operator said; the rest is left to the cloud. */
export interface GivenRules {
  readonly rangeMinutes?: number | undefined;
  readonly timeZone?: string | undefined;
  /** Start of any one window, for ranges that begin somewhere; null: none, as for generations that have none. */
  readonly originMs?: EpochMs | null | undefined;
  readonly closeDelayMs?: number | undefined;
  readonly snapshotVirtualSize?: boolean | undefined;
}

/** Values of CloudStack's global settings by name; null or absent: not set. */
export type CloudSettings = ReadonlyMap<string, string | null>;

const rangeName = 'usage.stats.job.aggregation.range';
const zoneName = 'usage.aggregation.timezone';
const execTimeName = 'usage.stats.job.exec.time';
const execZoneName = 'usage.execution.timezone';
const virtualSizeName = 'usage.snapshot.virtualsize.select';

const minutesPerDay = 1440;
const longestDelayMs = 15 * 60_000;
/** Noon of 15 January 2026, when no zone changes its clock: the day by which the delay is measured. */
const referenceMs = 1_768_478_400_000;

/**
 * The rules that follow from a cloud's settings, read as CloudStack's usage server reads them: a range
 * below 1 is 1, an unknown zone is GMT, only the word `true` is true. Where that server would not start (no or
 * no usable range) a day is taken. What is given wins.
 *
 * The close delay is the time from a window's end to the job's run (exec.time in the execution zone), but
 * at least 15 minutes, or half the range when that is less: events are committed late by some seconds.
 * Windows that have an origin end when the job runs.
 *
 * @see docs/cloudstack/windows.md, settings that shape windows
 */
export function cloudRules(settings: CloudSettings, given: GivenRules = {}): CloudRules {
  const rangeMinutes = given.rangeMinutes ?? rangeOf(settings.get(rangeName));
  const { originMs } = given;
  const window: WindowSpec = {
    rangeMinutes,
    timeZone: given.timeZone ?? zoneOf(settings.get(zoneName)),
    ...(hasOrigin(rangeMinutes) && originMs !== undefined
      ? { originMs: originMs === null ? null : toOrigin(originMs, rangeMinutes) }
      : {}),
  };
  const leastMs = Math.min(longestDelayMs, window.rangeMinutes * 30_000);
  const closeDelayMs = given.closeDelayMs ?? Math.max(leastMs, runDelayMs(settings, window));
  const snapshotVirtualSize =
    given.snapshotVirtualSize ?? settings.get(virtualSizeName)?.toLowerCase() === 'true';
  return { window, closeDelayMs, settings: { snapshotVirtualSize } };
}

/**
 * When a usage server that is started at an instant runs first, which is where the second of its windows begins
 * when their range is neither a day nor an hour: the next time of day exec.time in the execution zone; without a
 * usable one the next midnight.
 */
export function firstRunMs(settings: CloudSettings, startedMs: EpochMs): EpochMs {
  const zone = timeZone(zoneOf(settings.get(execZoneName)));
  const at = execTimeMs(settings) ?? 0;
  const today = zone.dayAt(startedMs);
  const runOf = (day: number): EpochMs => {
    const wall = day * dayMs + at;
    return wall - zone.offsetAt(wall - zone.offsetAt(wall));
  };
  const next = runOf(today) >= startedMs ? runOf(today) : runOf(today + 1);
  return Math.floor(next / 60_000) * 60_000;
}

/** A setting that says something else than what a generation is folded by. */
export interface SettingConflict {
  readonly setting: string;
  readonly cloud: string;
  readonly used: string;
}

/**
 * Which of the settings named in `changed` have no effect, because the generation was made with another value.
 * @param settings All settings as they are now, `changed` among them.
 */
export function settingConflicts(
  settings: CloudSettings,
  changed: Iterable<string>,
  used: CloudRules,
): SettingConflict[] {
  const cloud = cloudRules(settings, { ...used.window });
  const { window } = cloudRules(settings);
  const delays = [`delay ${cloud.closeDelayMs} ms`, `delay ${used.closeDelayMs} ms`] as const;
  const pairs: Readonly<Record<string, readonly [string, string]>> = {
    [rangeName]: [String(window.rangeMinutes), String(used.window.rangeMinutes)],
    [zoneName]: [plainZone(window.timeZone), plainZone(used.window.timeZone)],
    [execTimeName]: delays,
    [execZoneName]: delays,
    [virtualSizeName]: [
      String(cloud.settings.snapshotVirtualSize),
      String(used.settings.snapshotVirtualSize),
    ],
  };
  return [...changed].flatMap((setting) => {
    const [ofCloud, inUse] = pairs[setting] ?? [];
    if (ofCloud === undefined || inUse === undefined || ofCloud === inUse) return [];
    return [{ setting, cloud: ofCloud, used: inUse }];
  });
}

const plainZone = (name: string): string => (timeZone(name).isGmt ? 'GMT' : name);

/** As Java's Integer.parseInt; above a year the server overflows, so that is no value either. */
function rangeOf(text: string | null | undefined): number {
  if (!/^[+-]?\d{1,10}$/.test(text ?? '')) return minutesPerDay;
  const rangeMinutes = Math.max(1, Number(text));
  const isUsable = checkWindowSpec({ rangeMinutes, timeZone: 'GMT' }).length === 0;
  return isUsable ? rangeMinutes : minutesPerDay;
}

/** A name that begins with a sign is a zone to JavaScript, but not to Java. */
function zoneOf(text: string | null | undefined): string {
  const name = text ?? '';
  const isKnown =
    !/^[+-]/.test(name) && checkWindowSpec({ rangeMinutes: 1, timeZone: name }).length === 0;
  return isKnown && name !== '' ? name : 'GMT';
}

/**
 * From the end of a window to the next run, ms: runs follow each other by the range, from exec.time on.
 * 0 when the settings do not say, or when days are not made of whole windows.
 */
function runDelayMs(settings: CloudSettings, window: WindowSpec): number {
  const execMs = execTimeMs(settings);
  if (execMs === null || typeof window.originMs === 'number') return 0;
  if (minutesPerDay % window.rangeMinutes !== 0) return 0;
  const rangeMs = window.rangeMinutes * 60_000;
  const { endMs } = windowOf(referenceMs, window);
  const day = timeZone(zoneOf(settings.get(execZoneName))).dayAround(endMs);
  return (((day.startMs + execMs - endMs) % rangeMs) + rangeMs) % rangeMs;
}

/** exec.time as ms since midnight; lenient, so it may be beyond a day. null: the settings do not say. */
function execTimeMs(settings: CloudSettings): number | null {
  const [, hours, minutes] = /^(\d{1,4}):(\d{1,4})$/.exec(settings.get(execTimeName) ?? '') ?? [];
  if (hours === undefined || minutes === undefined) return null;
  return (Number(hours) * 60 + Number(minutes)) * 60_000;
}
