import type { FoldEvent } from '../../src/contracts/fold.ts';

/** Unique key of usage_volume: as 4.23 ships it, with the VM as later releases have it, or none. */
export type VolumeKey = 'volume' | 'volume and vm' | 'none';

/**
 * The unique keys of the helper tables. An event that violates one undoes all that the run did before
 * it, and stays unprocessed with those events, run after run.
 */
export class UniqueKeys {
  readonly #volumeKey: VolumeKey;
  readonly #taken = new Set<string>();
  /** Open rows of an account's volume: the VM of each. */
  readonly #volumes = new Map<string, readonly (string | null)[]>();

  constructor(volumeKey: VolumeKey) {
    this.#volumeKey = volumeKey;
  }

  /** What of a run's events, in their order, has an effect, and what stays behind. */
  take(work: readonly FoldEvent[]): { applied: FoldEvent[]; stuck: FoldEvent[] } {
    const undo: (() => void)[] = [];
    const poison = work.findIndex((event) => !this.#insert(event, undo));
    if (poison < 0) return { applied: [...work], stuck: [] };
    for (const step of undo.toReversed()) step();
    // From here on each statement commits by itself.
    const applied = work.slice(poison + 1).flatMap((event) => {
      const whole = this.#insert(event, []);
      const rest = whole ? [event] : halfOf(event);
      if (!whole) for (const half of rest) this.#volume(half, []);
      return rest;
    });
    return { applied, stuck: work.slice(0, poison + 1) };
  }

  /** Whether the event's rows could be inserted. */
  #insert(event: FoldEvent, undo: (() => void)[]): boolean {
    const keys = event.type.startsWith('VOLUME.') ? this.#volume(event, undo) : keysOf(event);
    return keys.every((key) => {
      if (this.#taken.has(key)) return false;
      this.#taken.add(key);
      undo.push(() => this.#taken.delete(key));
      return true;
    });
  }

  #volume(event: FoldEvent, undo: (() => void)[]): string[] {
    const id = `${event.accountId} ${event.resourceId}`;
    const before = this.#volumes.get(id) ?? [];
    const detached = before.filter((vmId) => vmId === null);
    const after = {
      'VOLUME.CREATE': [null, ...(event.vmId === null ? [] : [event.vmId])],
      'VOLUME.ATTACH': [...detached, event.vmId],
      'VOLUME.RESIZE': before,
      'VOLUME.DETACH': detached,
      'VOLUME.DELETE': [],
    }[event.type];
    if (after === undefined) return keysOf(event);
    undo.push(() => this.#volumes.set(id, before));
    this.#volumes.set(id, after);
    const inserted = {
      'VOLUME.CREATE': after,
      'VOLUME.ATTACH': [event.vmId],
      'VOLUME.RESIZE': before,
    }[event.type];
    const row = `volume ${event.resourceId} ${event.createdMs}`;
    if (this.#volumeKey === 'none' || inserted === undefined) return [];
    if (this.#volumeKey === 'volume') return inserted.map(() => row);
    return inserted.flatMap((vmId) => (vmId === null ? [] : [`${row} ${vmId}`]));
  }
}

/** What is left of an event whose last row could not be inserted: an attachment is closed and not opened. */
function halfOf(event: FoldEvent): FoldEvent[] {
  const detached = { ...event, type: 'VOLUME.DETACH', vmId: null };
  switch (event.type) {
    case 'VOLUME.CREATE':
      return [{ ...event, vmId: null }];
    case 'VOLUME.RESIZE':
      return [detached, event];
    case 'VOLUME.ATTACH':
      return [detached];
    default:
      return [];
  }
}

function keysOf(event: FoldEvent): string[] {
  const { resourceId, createdMs, accountId, zoneId, templateId } = event;
  switch (event.type) {
    case 'NET.IPASSIGN':
      return [`ip ${resourceId} ${createdMs}`];
    case 'SNAPSHOT.CREATE':
    case 'VOLUME.UPLOAD':
      return [`${event.type} ${resourceId} ${zoneId} ${createdMs}`];
    case 'VMSNAPSHOT.CREATE':
      return [`vm snapshot ${accountId} ${templateId} ${resourceId} ${createdMs}`];
    case 'VMSNAPSHOT.ON_PRIMARY':
      return [`on primary ${accountId} ${resourceId} ${createdMs}`];
    default:
      return [];
  }
}
