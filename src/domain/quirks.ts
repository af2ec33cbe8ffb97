/** A point where CloudStack's usage server does something that looks wrong. */
export interface Quirk {
  /** What CloudStack 4.23's usage server does; the switch on. */
  readonly java: string;
  /** What is right; the switch off. */
  readonly correct: string;
  /** Presets that have it on. */
  readonly presets: readonly Preset[];
}

export const presets = ['java-4.23', 'correct'] as const;
/** `java-4.23`: rows as that server would write them when on time and alone; `correct`: none of its faults. */
export type Preset = (typeof presets)[number];

const java: readonly Preset[] = ['java-4.23'];

/**
 * Every point where CloudStack's usage server bills in a way that looks wrong and a preset can choose: one
 * switch each. Points without a choice are in unswitched-quirks.ts.
 */
export const quirks = {
  inclusiveMillisecond: {
    java: 'an interval that is closed at T bills T itself: 1 ms more, and 1 ms in a window that begins at T',
    correct:
      'intervals are half-open: consecutive windows bill each millisecond once, empty intervals nothing',
    presets: java,
  },
  vmKeyWithoutSeparators: {
    java: 'VM, offering, type and custom size are joined bare: VM 12 of offering 3 and VM 1 of offering 23 share a row',
    correct: 'each VM has its own rows',
    presets: java,
  },
  allocatedRowMoves: {
    java: 'a start with another offering moves the begin of the allocated interval: the time before is not billed',
    correct: 'the allocated interval is closed and a new one opened',
    presets: java,
  },
  customSizeIgnoredByAllocated: {
    java: 'a start with the same offering but another custom size leaves the allocated interval as it was',
    correct: 'another custom size is another allocated interval',
    presets: java,
  },
  duplicateOpens: {
    java: 'an opening event for a resource that is open already opens a second interval; both are billed',
    correct: 'the older interval ends where the new one begins',
    presets: java,
  },
  ipReleasedByAddress: {
    java: 'a release closes every address of the account with the same text, in any zone',
    correct: 'a release closes the address with that id',
    presets: java,
  },
  removeClosesAllNics: {
    java: 'removing one NIC closes all NICs of the VM that use the same network offering',
    correct: 'removing a NIC closes that NIC',
    presets: java,
  },
  removeClosesSameSecondAssign: {
    java: 'when the default NIC changes, the removal of its old role closes the role that it was just given',
    correct: 'a removal closes what was assigned before that second',
    presets: java,
  },
  vpnRemovedAtRunTime: {
    java: 'a VPN user is removed when the window is computed, some minutes after its end',
    correct: 'a VPN user is removed at the time of the event',
    presets: java,
  },
  vmSnapshotClosedByOffering: {
    java: 'deleting a VM snapshot closes all snapshots of the VM in that zone with the same disk offering, and none without one',
    correct: 'deleting a VM snapshot closes that snapshot of that volume',
    presets: java,
  },
  vmSnapshotChain: {
    java: 'a VM snapshot ends when the next of the same volume is taken; a deletion is not used as its end',
    correct: 'each VM snapshot is billed from its creation to its deletion',
    presets: java,
  },
  snapshotOnPrimaryByName: {
    java: 'of VM snapshots on primary storage with one name, only the newest is billed, whatever the VM',
    correct: 'each VM snapshot on primary storage is billed',
    presets: java,
  },
  snapshotOnPrimaryLastSecond: {
    java: 'a VM snapshot on primary storage taken in the last second of a window is not billed in it',
    correct: 'it is billed for that second',
    presets: java,
  },
  emptySnapshotOnPrimaryEnds: {
    java: 'a VM snapshot on primary storage without bytes is marked as deleted when the window is computed; its deletion finds nothing',
    correct: 'it is deleted when its event says so; without bytes it bills nothing either way',
    presets: java,
  },
  deviceZeroChargedInFull: {
    java: 'totals of device 0, and of VM 0, never find their previous value: the whole total is billed in each window',
    correct: 'only the growth is billed',
    presets: java,
  },
  returningCounterChargedInFull: {
    java: 'a counter that was missing from the newest set of its zone is billed with its whole total when it is back',
    correct: 'the total last seen stays its base',
    presets: java,
  },
  removedBucketsBilled: {
    java: 'a removed bucket is billed for ever with its last size',
    correct: 'a bucket that was removed by the end of a window is not billed in it',
    presets: java,
  },
  domainFrozen: {
    java: 'rows carry the domain that the account had when it was first seen',
    correct: 'rows carry the domain of the account at the end of the window',
    presets: java,
  },
  removedAccountsForgotten: {
    java: 'what is still open in an account removed more than 3 days before a window is not billed any more',
    correct: 'what is open is billed until it is closed',
    presets: java,
  },
  splitLongDay: {
    java: 'the day of 25 hours is two windows, of 1 hour and of 24: each resource has two rows for it; bytes and requests are in the second',
    correct: 'a day of the calendar is one window, however long',
    presets: java,
  },
  firstPublicTemplateOnly: {
    java: 'of the public templates of a removed account only the first is closed, and only for later windows',
    correct: 'all of them end with the account',
    presets: java,
  },
} as const satisfies Record<string, Quirk>;

export type QuirkName = keyof typeof quirks;
/** Which quirks are on. */
export type QuirkSet = Readonly<Record<QuirkName, boolean>>;

/** The quirks of a preset, with single switches changed by `overrides`. */
export function quirkSet(preset: Preset, overrides: Partial<QuirkSet> = {}): QuirkSet {
  const names = Object.keys(quirks) as QuirkName[];
  const set = Object.fromEntries(
    names.map((name) => [name, quirks[name].presets.includes(preset)]),
  );
  return { ...(set as QuirkSet), ...overrides };
}

/** The overrides that make a difference to the preset, so that equal rules are equal text. */
export function realOverrides(preset: Preset, overrides: Partial<QuirkSet>): Partial<QuirkSet> {
  const plain = quirkSet(preset);
  const differing = Object.entries(overrides).filter(
    ([name, on]) => plain[name as QuirkName] !== on,
  );
  return Object.fromEntries(differing);
}
