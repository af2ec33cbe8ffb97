import type { UnswitchedQuirkName } from '../../src/domain/unswitched-quirks.ts';

/**
 * Every way in which a CloudStack 4.23 usage server's rows may differ from ours by design: what it does,
 * and why it is never reproduced. Nothing else may differ.
 */
export const faultClasses = {
  'late-id':
    'an event, its details or a statistics row committed after one with a higher id was copied: the server never sees it',
  'disk-500': 'the server reads the first 500 vm_disk_statistics rows by id and no more',
  'failed-job': 'an event that the server cannot use fails the whole job, in each run again',
  'silent-failure':
    'a start or creation of a VM without what it needs is done by half and counts as processed',
  undo: 'an event that violates a unique key takes the events before it in the same run with it',
  'catch-up':
    'a run came at another time, for several windows at once, or not at all: it saw what was there then',
  'pull-back':
    'a run began at an event of an earlier window and wrote all rows since then, in windows of its own',
  duplicate: 'a run that began too early wrote a row that was there already',
  'merged-minute': 'an event up to a minute before the window made the window longer',
  'late-event':
    'an event committed after its window was computed: the server computes again, we bill once and correct',
  tie: 'events of one resource in one second have no order in the server',
  'random-row': 'of several rows that fit the server takes any; we take the lowest id',
  'cross-account': 'the server finds what is open by resource alone, also in another account',
} as const satisfies Partial<Record<UnswitchedQuirkName | 'late-event', string>>;

export type FaultClass = keyof typeof faultClasses;

/** No class: the difference must be looked into. */
export const unexplained = 'UNEXPLAINED';
