import type { EpochMs } from '../contracts/time.ts';
import { tableNames } from './account-state.ts';
import type { AccountState } from './account-state.ts';

/** The state of an account at a time before its first event: what another usage server left open, say. */
export interface BaseState {
  /** Start of a window: what was created before is in the state, and is not folded. */
  readonly startMs: EpochMs;
  readonly state: AccountState;
}

/** A state with its intervals under new serials, from `nextSerial` on, in their old order. */
export function renumbered(state: AccountState, nextSerial: number): AccountState {
  const old = tableNames.flatMap((name) => state.intervals[name].map(({ serial }) => serial));
  const places = new Map(old.sort((a, b) => a - b).map((serial, at) => [serial, nextSerial + at]));
  const intervals = tableNames.map((name) => [
    name,
    state.intervals[name].map((row) => ({ ...row, serial: places.get(row.serial) })),
  ]);
  return {
    ...state,
    nextSerial: nextSerial + places.size,
    intervals: Object.fromEntries(intervals) as unknown as AccountState['intervals'],
  };
}
