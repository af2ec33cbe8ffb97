import type { U64 } from '../contracts/ids.ts';
import { u64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { larger, pickDisk, rootSize } from './catalogue.ts';
import type { EventDraft, Journal } from './statement.ts';
import type { Place, World } from './world.ts';

interface Disk {
  readonly id: U64;
  readonly name: string;
  readonly offeringId: U64 | undefined;
  readonly templateId: U64 | undefined;
  size: U64;
  attached: boolean;
}

const maxData = 4;

/** The volumes of a machine: its root disk, and data disks that come, go, grow and are detached. */
export class Disks {
  readonly #world: World;
  readonly #place: Place;
  readonly #vmId: U64;
  readonly #templateId: U64;
  #root: Disk | undefined;
  #data: Disk[] = [];

  constructor(world: World, place: Place, vmId: U64, templateId: U64) {
    this.#world = world;
    this.#place = place;
    this.#vmId = vmId;
    this.#templateId = templateId;
  }

  /** True when the root disk is deleted: the machine cannot be recovered. */
  get gone(): boolean {
    return this.#root === undefined;
  }

  /** The volumes of a deployment carry their machine from the start. */
  deploy(): EventDraft[] {
    this.#root = this.#makeRoot();
    if (this.#world.random.chance(0.4)) this.#data.push({ ...this.#makeData(), attached: true });
    return [this.#root, ...this.#data].map((disk) => this.#created(disk, this.#vmId));
  }

  change(nowMs: EpochMs, journal: Journal): void {
    const { random } = this.#world;
    const dice = random.next();
    const disk = this.#data.length > 0 ? random.pick(this.#data) : undefined;
    if (!disk || (dice < 0.3 && this.#data.length < maxData)) this.#add(nowMs, journal);
    else if (dice < 0.5) this.#toggle(disk, nowMs, journal);
    else if (dice < 0.75) this.#resize(random.chance(0.3) ? this.#root : disk, nowMs, journal);
    else if (dice < 0.92) this.#delete(disk, nowMs, journal);
    else this.#restore(nowMs, journal);
  }

  /** The root disk goes with the machine, data disks are detached and stay or are deleted. */
  destroy(atMs: EpochMs, journal: Journal): void {
    if (this.#root) journal.write(atMs, this.#deleted(this.#root));
    // The orchestrator and a state listener both report it now and then.
    if (this.#root && this.#world.random.chance(0.3))
      journal.write(atMs + 700, this.#deleted(this.#root));
    this.#root = undefined;
    for (const disk of this.#data) {
      if (disk.attached) journal.write(atMs, this.#event('VOLUME.DETACH', disk));
      if (this.#world.random.chance(0.6)) journal.write(atMs + 4_000, this.#deleted(disk));
    }
    this.#data = [];
  }

  #add(nowMs: EpochMs, journal: Journal): void {
    const { random } = this.#world;
    const disk = this.#makeData();
    this.#data.push(disk);
    journal.write(nowMs, this.#created(disk));
    if (random.chance(0.9)) this.#attach(disk, nowMs + random.whole(0, 20) * 1000, journal);
  }

  #attach(disk: Disk, atMs: EpochMs, journal: Journal): void {
    disk.attached = true;
    journal.write(atMs, { ...this.#event('VOLUME.ATTACH', disk), vmId: this.#vmId });
  }

  #toggle(disk: Disk, nowMs: EpochMs, journal: Journal): void {
    if (!disk.attached) return this.#attach(disk, nowMs, journal);
    disk.attached = false;
    journal.write(nowMs, this.#event('VOLUME.DETACH', disk));
  }

  #resize(disk: Disk | undefined, nowMs: EpochMs, journal: Journal): void {
    if (!disk) return;
    disk.size = larger(disk.size, this.#world.random);
    journal.write(nowMs, this.#event('VOLUME.RESIZE', disk));
  }

  #delete(disk: Disk, nowMs: EpochMs, journal: Journal): void {
    this.#data = this.#data.filter((other) => other !== disk);
    if (disk.attached) journal.write(nowMs, this.#event('VOLUME.DETACH', disk));
    journal.write(nowMs + this.#world.random.whole(0, 15) * 1000, this.#deleted(disk));
  }

  /** A machine set back to its template: the new root is made and attached before the old one goes. */
  #restore(nowMs: EpochMs, journal: Journal): void {
    if (!this.#root) return;
    const old = this.#root;
    this.#root = this.#makeRoot();
    journal.write(nowMs, this.#created(this.#root));
    this.#attach(this.#root, nowMs + 1_000, journal);
    journal.write(nowMs + 3_000, this.#deleted(old));
  }

  #makeRoot(): Disk {
    const id = this.#world.id('volume');
    return {
      id,
      name: `ROOT-${this.#vmId}`,
      offeringId: this.#world.random.chance(0.5) ? u64(121) : undefined,
      templateId: this.#templateId,
      size: rootSize(this.#world.random),
      attached: true,
    };
  }

  #makeData(): Disk {
    const id = this.#world.id('volume');
    return {
      id,
      name: `data-${id}`,
      templateId: undefined,
      attached: false,
      ...pickDisk(this.#world.random),
    };
  }

  #created = (disk: Disk, vmId?: U64): EventDraft => ({
    ...this.#event('VOLUME.CREATE', disk),
    vmId,
  });

  /** Deletions carry little, now and then not even the zone. */
  #deleted = (disk: Disk): EventDraft => ({
    type: 'VOLUME.DELETE',
    accountId: this.#place.accountId,
    zoneId: this.#world.random.chance(0.05) ? u64(0) : this.#place.zoneId,
    resourceId: disk.id,
    resourceName: disk.name,
  });

  #event = (type: string, disk: Disk): EventDraft => ({
    type,
    accountId: this.#place.accountId,
    zoneId: this.#place.zoneId,
    resourceId: disk.id,
    resourceName: disk.name,
    offeringId: disk.offeringId,
    templateId: disk.templateId,
    size: disk.size,
  });
}
