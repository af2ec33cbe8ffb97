import { presets } from './quirks.ts';
import type { Quirk } from './quirks.ts';

interface UnswitchedQuirk extends Quirk {
  /** Why there is no choice. */
  readonly reason: string;
  /** The test that holds what we do, as `path: title`. */
  readonly test: string;
}

const never = [] as const;

/**
 * Every point where CloudStack's usage server does something that looks wrong and all presets are alike:
 * `presets` is empty when it is never reproduced, else it has them all. A comparison of rows tells a fault of
 * a server by the same names.
 */
export const unswitchedQuirks = {
  undo: {
    java: 'an event whose SQL fails, such as at a unique key, undoes all events before it in the same run',
    correct:
      'each event stands for itself: one that cannot be used is a dead letter, the others count',
    presets: never,
    reason: 'what is lost depends on which events one run happens to read together',
    test: 'test/integration/regressions.test.ts: R4: what was closed before a poison event in its hour stays closed',
  },
  'failed-job': {
    java: 'an event without a value that its rule needs fails the whole job, and each later one: nothing is billed',
    correct: 'that event is a dead letter, and all else is billed',
    presets: never,
    reason: 'one bad event must not stop the billing of everybody',
    test: 'test/integration/regressions.test.ts: R8: an address without its size is one dead letter, and all else is billed',
  },
  'silent-failure': {
    java: 'a start or creation of a VM that cannot be used counts as processed, half of it done, with a log line',
    correct: 'it is refused whole, with a dead letter and a counter',
    presets: never,
    reason: 'nothing that can be billed may be dropped without a record',
    test: 'test/unit/domain/meters/vm.test.ts: a VM event $why is refused whole',
  },
  'pull-back': {
    java: 'a run begins at its oldest event that is not processed, however old, and bills again all time since then',
    correct: 'a window is billed once; what comes late is a correction',
    presets: never,
    reason: 'billed windows must never be billed again',
    test: 'test/integration/aggregate-refused.test.ts: an event of a closed window is late and acts at its own time from the next close on',
  },
  duplicate: {
    java: 'a run that begins too early writes rows that are there already',
    correct: 'each row is there once',
    presets: never,
    reason: 'it follows from pull-back, and customers pay twice',
    test: 'test/integration/golden-late.test.ts: the input of $name, at which a real server repeats itself: each row once, nothing to correct',
  },
  'merged-minute': {
    java: 'a piece of up to a minute before a window is merged into it: more hours than the window has',
    correct: 'windows have their bounds whatever events there are',
    presets: never,
    reason: 'it follows from pull-back',
    test: 'test/unit/domain/unswitched-quirks.test.ts: an event half a minute before a window is billed in its own window',
  },
  'late-event': {
    java: 'an event that commits after its window was computed counts from then on: what was written of the time before stays wrong, or is written again',
    correct: 'what was published wrong becomes a correction',
    presets: never,
    reason: 'it depends on the moment of a run',
    test: 'test/integration/golden-late.test.ts: each row once, a correction for what was published wrong',
  },
  'late-id': {
    java: 'an event that commits after one with a higher id was copied is never copied',
    correct: 'changes are read in the order of their commits, and known by their ids',
    presets: never,
    reason: 'it depends on the moment of a run, and usage is lost',
    test: 'test/integration/golden-late.test.ts: each row once, a correction for what was published wrong',
  },
  'late-counter': {
    java: 'a statistics row that commits after one with a higher id was copied is never copied: its bytes are free',
    correct: 'a statistics row counts from its commit on, whatever its id',
    presets: never,
    reason: 'it depends on the moment of a run, and usage is lost',
    test: 'test/integration/golden-pipeline.test.ts: golden $name through tail, aggregate and sink on $partitions partitions: equal to the row and the column',
  },
  'late-detail': {
    java: 'details that commit after the copy of their event are never copied: custom sizes are NULL',
    correct: 'a detail is used whenever it comes',
    presets: never,
    reason: 'it depends on the moment of a run',
    test: 'test/integration/aggregate-corrected-columns.test.ts: a detail that comes after its event was folded corrects what it is about: %s',
  },
  'replayed-history': {
    java: 'once the copy of the events is emptied, all of history is copied and billed again',
    correct: 'a replay makes the same rows',
    presets: never,
    reason: 'billed windows must never be billed again',
    test: 'test/integration/aggregate-fold.test.ts: a replay from the first offset changes no row',
  },
  'disk-500': {
    java: 'only the first 500 rows of the disk statistics, by id, are read',
    correct: 'all are read',
    presets: never,
    reason: 'which disks are billed is chance, and the others are free',
    test: 'test/unit/domain/unswitched-quirks.test.ts: every disk is billed, also beyond the first 500',
  },
  'catch-up': {
    java: 'a run for several windows at once bills each of them by what is there at its end; all bytes are in the newest',
    correct: 'each window is billed by what was committed when it was due',
    presets: never,
    reason: 'rows must not depend on when a program ran',
    test: 'test/integration/golden-pipeline.test.ts: golden $name through tail, aggregate and sink on $partitions partitions: equal to the row and the column',
  },
  'extra-job': {
    java: 'a run that finds nothing to do writes a job that starts after it ends; so each period has one when the run is in its second half',
    correct: 'no window, no job',
    presets: never,
    reason: 'it bills nothing, and looks like a failure to operators',
    test: 'test/integration/cloud-windows.test.ts: R13: with exec minute 45 each hour has one job, and each is good',
  },
  'unreported-failure': {
    java: 'a run that fails while it copies leaves its job as it is, without alert',
    correct: 'whatever holds up a window raises an alert until it is published',
    presets: never,
    reason: 'a failure must not be silent',
    test: 'test/integration/sink-alerts.test.ts: a window that cannot be published raises one alert, which the next good one clears',
  },
  'retry-on-key': {
    java: 'a job that failed after its growths were written fails again at their key, until its end has moved on',
    correct: 'a window that failed can be tried again at once',
    presets: never,
    reason: 'a passing failure must not cost a day',
    test: 'test/integration/store-faults.test.ts: publishes a window once, whole, over $why ($errno)',
  },
  'swallowed-read': {
    java: 'an SQL error while usage is read takes back all rows written so far, and the job ends with success',
    correct: 'the window is not closed until it is whole',
    presets: never,
    reason: 'usage is lost without a record',
    test: 'test/integration/aggregate-faults.test.ts: a connection lost at any step, with a COMMIT of unknown outcome, changes nothing',
  },
  'shifted-days': {
    java: 'a run that catches up several days over a change of the clock cuts the days before it an hour beside midnight',
    correct: 'a day begins at midnight, whenever it is billed',
    presets: never,
    reason: 'the bounds depend on when a run was',
    test: 'test/unit/domain/fold-window.test.ts: days before a change of the clock begin at midnight, however many are folded at once',
  },
  'shifted-windows': {
    java: 'windows of a range that is neither a day nor an hour are counted back from a run: after a restart or a late run one is shorter or longer, and those after it begin elsewhere',
    correct: 'windows follow each other in steps of the range, from the first on',
    presets: never,
    reason: 'the bounds depend on when a program was started',
    test: 'test/integration/window-origin.test.ts: windows of 90 minutes begin at the first exec.time of the cloud, whatever becomes of it: %s',
  },
  'half-hour': {
    java: 'hours of a zone that changes its clock by half an hour: the one after the change is cut in half',
    correct: 'hours are counted from midnight: the half is the last of the day',
    presets: never,
    reason: 'one zone in the world does it, and no time is billed twice or left out either way',
    test: 'test/unit/domain/window.test.ts: %s, %d minutes: %s lies in [%s, %s) (%s)',
  },
  'calendar-roll': {
    java: 'on a first run on 1 January, or in the first hour of a day, the window starts after its end',
    correct: 'the window before is the one that ends where this begins',
    presets: never,
    reason: 'such a run bills nothing',
    test: 'test/integration/cloud-windows.test.ts: R9: a year end in another zone makes no window that ends before it starts',
  },
  'range-overflow': {
    java: 'a range above 35791 minutes overflows 32 bits: the period is wrong or negative',
    correct: 'a range that no window can have is not used',
    presets: never,
    reason: 'there is nothing to be billed by such a period',
    test: 'test/unit/domain/cloud-rules.test.ts: what would overflow is a day',
  },
  tie: {
    java: 'events of one second come in the order that the database happens to give',
    correct: 'they come in the order of their ids',
    presets: never,
    reason: 'it is chance',
    test: 'test/unit/domain/fold.test.ts: of one second count in the order of their ids as numbers',
  },
  'random-row': {
    java: 'of several rows that fit, such as details of one name, any is taken',
    correct: 'the one with the lowest id is taken',
    presets: never,
    reason: 'it is chance',
    test: 'test/unit/domain/meters/vm.test.ts: of a detail that occurs twice the first counts',
  },
  'cross-account': {
    java: 'what is open is found by VM, network or backup alone, also in another account',
    correct: 'an event counts for its account; what is open under two is recorded as an anomaly',
    presets: never,
    reason: 'accounts are folded apart, so that they can be shared out',
    test: 'test/integration/sink-repaired.test.ts: a machine that is open under two accounts at once is an anomaly; one that changed hands is none',
  },
  'unbilled-type': {
    java: 'events of portable addresses, IPv6, global load balancers and others have no rule: they pass unnoticed',
    correct: 'they are not billed either, but reported',
    presets: never,
    reason: 'rows are the same; only the silence is not reproduced',
    test: 'test/unit/domain/fold.test.ts: %s is reported as never billed',
  },
  'empty-snapshot-again': {
    java: 'a VM snapshot on primary storage without bytes is marked as deleted anew by each later run, for ever',
    correct: 'it is marked once',
    presets: never,
    reason: 'no row depends on it, and each run would write ever more rows of its table',
    test: 'test/unit/domain/meters/snapshot-on-primary.test.ts: one without bytes ends once, at the run time of the window that reads it first',
  },
  'snapshot-filter': {
    java: "listUsageRecords, asked for VM snapshots (type 25) of a VM, compares the VM's id with that of the snapshot",
    correct: 'the filter compares ids of one kind',
    presets: never,
    reason:
      "it is a query of CloudStack's management server, not of the usage server: the rows have the id of the snapshot as ever",
    test: 'test/unit/domain/unswitched-quirks.test.ts: a row of a VM snapshot has the ids of the snapshot and of the VM',
  },
  'nics-share-a-row': {
    java: 'NICs of a VM on one network offering share a row: two of them have 48 hours a day',
    correct: 'the same',
    presets,
    reason: 'it is meant: the hours are right, and readers of the table count on it',
    test: 'test/unit/domain/meters/network-offering.test.ts: two NICs of one offering share a row: their time is added',
  },
  'last-metric': {
    java: 'the last metric of a backup gives the sizes for the whole window',
    correct: 'the same, but not for earlier windows of one run',
    presets,
    reason: 'a metric says a size and not since when; earlier windows are a matter of catch-up',
    test: 'test/unit/domain/meters/networks.test.ts: the last metric of a window gives the sizes of the whole window; one without size none',
  },
} as const satisfies Record<string, UnswitchedQuirk>;

export type UnswitchedQuirkName = keyof typeof unswitchedQuirks;
