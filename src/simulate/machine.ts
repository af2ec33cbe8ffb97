import { u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { pickCompute, pickHypervisor, pickTemplate } from './catalogue.ts';
import type { Compute } from './catalogue.ts';
import { Disks } from './disks.ts';
import { Nics } from './nics.ts';
import type { Actor, EventDraft, Journal } from './statement.ts';
import type { Place, World } from './world.ts';

const minute = 60_000;
const hour = 60 * minute;

/** A virtual machine with its disks and network cards, from deployment to destruction. */
export class Machine implements Actor {
  readonly #world: World;
  readonly #place: Place;
  readonly #id: U64;
  readonly #name: string;
  readonly #templateId: U64;
  readonly #hypervisor: string;
  readonly #disks: Disks;
  readonly #nics: Nics;
  #compute: Compute;
  #state: 'new' | 'stopped' | 'running' | 'destroyed' = 'new';

  constructor(world: World, place: Place) {
    const { random } = world;
    this.#world = world;
    this.#place = place;
    this.#id = world.id('vm');
    this.#name = `vm-${this.#id}`;
    this.#templateId = pickTemplate(random);
    this.#hypervisor = pickHypervisor(random);
    this.#compute = pickCompute(random);
    this.#disks = new Disks(world, place, this.#id, this.#templateId);
    this.#nics = new Nics(world, place, this.#id);
  }

  act(nowMs: EpochMs, journal: Journal): EpochMs | null {
    switch (this.#state) {
      case 'new':
        return this.#deploy(nowMs, journal);
      case 'running':
        return this.#whileRunning(nowMs, journal);
      case 'stopped':
        return this.#whileStopped(nowMs, journal);
      case 'destroyed':
        return this.#afterDestroy(nowMs, journal);
    }
  }

  #deploy(nowMs: EpochMs, journal: Journal): EpochMs {
    const { random } = this.#world;
    const disks = this.#disks.deploy();
    journal.write(nowMs, this.#event('VM.CREATE'), ...disks);
    this.#start(nowMs + random.whole(1, 25) * 1000, journal);
    return this.#next(nowMs, 6 * hour);
  }

  #whileRunning(nowMs: EpochMs, journal: Journal): EpochMs {
    const { random } = this.#world;
    const dice = random.next();
    if (dice < 0.34) {
      this.#stop(nowMs, journal);
      return this.#next(nowMs, 3 * hour);
    }
    if (dice < 0.4) this.#restart(nowMs, journal);
    else if (dice < 0.5) {
      this.#compute = pickCompute(random, this.#compute);
      journal.write(nowMs, this.#event('VM.DYNAMIC.SCALE'));
    } else if (dice < 0.82) this.#disks.change(nowMs, journal);
    else if (dice < 0.94) this.#nics.change(nowMs, journal);
    else {
      this.#stop(nowMs, journal);
      return this.#destroy(nowMs + random.whole(0, 5) * 1000, journal);
    }
    return this.#next(nowMs, 6 * hour);
  }

  #whileStopped(nowMs: EpochMs, journal: Journal): EpochMs {
    const { random } = this.#world;
    const dice = random.next();
    if (dice < 0.65) this.#start(nowMs, journal);
    else if (dice < 0.78) {
      this.#compute = pickCompute(random, this.#compute);
      journal.write(nowMs, this.#event('VM.UPGRADE'));
    } else if (dice < 0.9) this.#disks.change(nowMs, journal);
    else return this.#destroy(nowMs, journal);
    return this.#next(nowMs, 4 * hour);
  }

  /** Usually gone and replaced by a new one; now and then it is recovered. */
  #afterDestroy(nowMs: EpochMs, journal: Journal): null | EpochMs {
    if (this.#disks.gone || !this.#world.random.chance(0.3)) {
      this.#disks.destroy(nowMs, journal);
      this.#world.add(nowMs + this.#world.wait(2 * hour), new Machine(this.#world, this.#place));
      return null;
    }
    this.#state = 'stopped';
    journal.write(nowMs, this.#event('VM.CREATE'));
    return this.#next(nowMs, hour);
  }

  #start(atMs: EpochMs, journal: Journal): void {
    journal.write(atMs, this.#event('VM.START'));
    journal.write(atMs + this.#world.random.whole(0, 2) * 400, ...this.#nics.assign());
    this.#state = 'running';
  }

  /** A stop takes the cards away, one event a card; the report may come twice. */
  #stop(atMs: EpochMs, journal: Journal): void {
    const { random } = this.#world;
    journal.write(atMs, this.#event('VM.STOP'), ...this.#nics.remove());
    if (random.chance(0.08))
      journal.write(atMs + random.whole(0, 3) * 1000, this.#event('VM.STOP'));
    this.#state = 'stopped';
  }

  /** Without a stop (the host died), or both within a second, or twice. */
  #restart(atMs: EpochMs, journal: Journal): void {
    const { random } = this.#world;
    if (random.chance(0.5)) {
      journal.write(atMs, this.#event('VM.STOP'), ...this.#nics.remove());
      journal.write(atMs + 300, this.#event('VM.START'), ...this.#nics.assign());
      return;
    }
    journal.write(atMs, this.#event('VM.START'));
    if (random.chance(0.3)) journal.write(atMs + 200, this.#event('VM.START'));
  }

  #destroy(atMs: EpochMs, journal: Journal): EpochMs {
    journal.write(atMs, this.#event('VM.DESTROY'));
    if (this.#world.random.chance(0.8)) this.#disks.destroy(atMs + 500, journal);
    this.#state = 'destroyed';
    return this.#next(atMs, hour);
  }

  #next = (nowMs: EpochMs, meanMs: number): EpochMs => nowMs + 40_000 + this.#world.wait(meanMs);

  #event(type: string): EventDraft {
    return {
      type,
      accountId: this.#place.accountId,
      zoneId: this.#place.zoneId,
      resourceId: this.#id,
      resourceName: this.#name,
      offeringId: u64(this.#compute.offeringId),
      templateId: this.#templateId,
      resourceType: this.#hypervisor,
      details: /STOP|DESTROY/.test(type) ? undefined : this.#compute.custom,
    };
  }
}
