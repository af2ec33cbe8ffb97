import { unswitchedQuirks } from '../../src/domain/unswitched-quirks.ts';
import type { UnswitchedQuirkName } from '../../src/domain/unswitched-quirks.ts';

const names = [
  'late-id',
  'disk-500',
  'failed-job',
  'silent-failure',
  'undo',
  'catch-up',
  'pull-back',
  'duplicate',
  'merged-minute',
  'late-event',
  'tie',
  'random-row',
  'cross-account',
] as const satisfies readonly UnswitchedQuirkName[];

export type FaultClass = (typeof names)[number];

/**
 * Every way in which a CloudStack 4.23 usage server's rows may differ from ours by design, with what it does;
 * why it is never reproduced is in the same table. Nothing else may differ.
 */
export const faultClasses = Object.fromEntries(
  names.map((name) => [name, unswitchedQuirks[name].java]),
) as Readonly<Record<FaultClass, string>>;

/** No class: the difference must be looked into. */
export const unexplained = 'UNEXPLAINED';
