import type { EpochMs } from '../contracts/time.ts';

/** The only way to the time outside of the domain, which has none. */
export interface Clock {
  now(): EpochMs;
}

export const systemClock: Clock = { now: () => Date.now() };

/** A clock that stands still until it is set: for tests. */
export function manualClock(start: EpochMs): Clock & { set(now: EpochMs): void } {
  let now = start;
  return { now: () => now, set: (to) => void (now = to) };
}
