import { u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { networkOfferings } from './catalogue.ts';
import type { EventDraft, Journal } from './statement.ts';
import type { Place, World } from './world.ts';

interface Nic {
  readonly id: U64;
  offeringId: U64;
}

/** The network cards of a machine; the first is the default one. Two may share an offering. */
export class Nics {
  readonly #world: World;
  readonly #place: Place;
  readonly #vmId: U64;
  #nics: Nic[] = [];

  constructor(world: World, place: Place, vmId: U64) {
    this.#world = world;
    this.#place = place;
    this.#vmId = vmId;
    this.#nics = Array.from({ length: world.random.pick([1, 1, 1, 2, 2, 3]) }, () => this.#make());
  }

  assign = (): EventDraft[] => this.#nics.map((nic) => this.#assigned(nic));
  remove = (): EventDraft[] => this.#nics.map((nic) => this.#removed(nic));

  /** Only of a running machine: a card more, a card less, another default, or a network upgrade. */
  change(nowMs: EpochMs, journal: Journal): void {
    const { random } = this.#world;
    const [first, second] = this.#nics;
    const dice = random.next();
    if (dice < 0.35 || !first || !second) {
      const nic = this.#make();
      this.#nics.push(nic);
      journal.write(nowMs, this.#assigned(nic));
    } else if (dice < 0.55) {
      const nic = this.#nics.pop();
      if (nic) journal.write(nowMs, this.#removed(nic));
    } else if (dice < 0.8) {
      // The management server writes these four, in this order, within a second.
      const old = [this.#removed(first), this.#assigned(second, true)];
      this.#nics = [second, first, ...this.#nics.slice(2)];
      journal.write(nowMs, ...old, this.#removed(second), this.#assigned(first));
    } else {
      const before = this.#removed(first);
      first.offeringId = random.pick(networkOfferings);
      journal.write(nowMs, before, this.#assigned(first));
    }
  }

  #make = (): Nic => ({
    id: this.#world.id('nic'),
    offeringId: this.#world.random.pick(networkOfferings),
  });

  #assigned = (nic: Nic, isDefault = nic === this.#nics[0]): EventDraft => ({
    ...this.#event('NETWORK.OFFERING.ASSIGN', nic),
    size: u64(isDefault ? 1 : 0),
  });

  #removed = (nic: Nic): EventDraft => ({
    ...this.#event('NETWORK.OFFERING.REMOVE', nic),
    size: u64(0),
  });

  #event = (type: string, nic: Nic): EventDraft => ({
    type,
    accountId: this.#place.accountId,
    zoneId: this.#place.zoneId,
    resourceId: this.#vmId,
    resourceName: nic.id,
    offeringId: nic.offeringId,
  });
}
