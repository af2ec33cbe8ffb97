import type { EpochMs } from '../contracts/time.ts';
import { hasLongDays } from './fold-window.ts';
import { quirkSet } from './quirks.ts';
import type { Preset, QuirkSet } from './quirks.ts';
import { hasOrigin } from './window.ts';
import type { WindowSpec } from './window.ts';

/** The columns of a generation's row that say how it cuts time. */
export interface StoredWindow {
  readonly rangeMinutes: number;
  readonly timeZone: string;
  /** Its settings, JSON. */
  readonly settings: string;
}

/**
 * How a generation cuts time, as its row says. One of a range that {@link hasOrigin} and that was made before
 * origins were kept has none, for ever.
 */
export function storedWindow({ rangeMinutes, timeZone, settings }: StoredWindow): WindowSpec {
  if (!hasOrigin(rangeMinutes)) return { rangeMinutes, timeZone };
  const { window } = JSON.parse(settings) as { window?: { originMs?: EpochMs } };
  return { rangeMinutes, timeZone, originMs: window?.originMs ?? null };
}

/** The part of a generation's settings that windows need; nothing for days and hours. */
export const windowSettings = ({ rangeMinutes, originMs }: WindowSpec): object =>
  hasOrigin(rangeMinutes) && typeof originMs === 'number' ? { window: { originMs } } : {};

/**
 * Quirks as a generation's settings have them. Where days can be long it is always said whether they are
 * split: a generation that does not say so was made before there was the choice, and never splits them.
 */
export function storedQuirks(
  preset: Preset,
  overrides: Partial<QuirkSet>,
  window: WindowSpec,
): Partial<QuirkSet> {
  const { splitLongDay } = quirkSet(preset, overrides);
  return hasLongDays(window) ? { ...overrides, splitLongDay } : overrides;
}

/** The overrides of a generation's preset, of what {@link storedQuirks} stored. */
export function readQuirks(
  preset: Preset,
  stored: Partial<QuirkSet>,
  window: WindowSpec,
): Partial<QuirkSet> {
  if (!hasLongDays(window)) return stored;
  const { splitLongDay = false, ...overrides } = stored;
  const isPlain = quirkSet(preset).splitLongDay === splitLongDay;
  return isPlain ? overrides : { ...overrides, splitLongDay };
}
