import { u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { Actor, Journal } from './statement.ts';
import type { Place, World } from './world.ts';

const hour = 3_600_000;

/** A public address that an account acquires, holds, releases and perhaps takes again. */
export class Address implements Actor {
  readonly #world: World;
  readonly #place: Place;
  readonly #id: U64;
  readonly #text: string;
  readonly #sourceNat: boolean;
  readonly #system: boolean;
  readonly #hidden: boolean;
  #held = false;

  constructor(world: World, place: Place, sourceNat: boolean) {
    this.#world = world;
    this.#place = place;
    this.#id = world.id('address');
    const n = Number(this.#id) % 65_536;
    this.#text = `203.${Number(place.zoneId) % 256}.${n >> 8}.${n & 255}`;
    this.#sourceNat = sourceNat;
    this.#system = world.random.chance(0.05);
    this.#hidden = world.random.chance(0.05);
  }

  act(nowMs: EpochMs, journal: Journal): EpochMs | null {
    const type = this.#held ? 'NET.IPRELEASE' : 'NET.IPASSIGN';
    this.#held = !this.#held;
    journal.write(nowMs, {
      type,
      accountId: this.#place.accountId,
      zoneId: this.#place.zoneId,
      resourceId: this.#id,
      resourceName: this.#text,
      templateId: this.#system ? u64(1) : undefined,
      size: u64(this.#sourceNat ? 1 : 0),
      resourceType: 'VirtualNetwork',
      details: this.#hidden && this.#held ? { hidden: 'true' } : undefined,
    });
    if (this.#held)
      return nowMs + 60_000 + this.#world.wait(this.#sourceNat ? 60 * hour : 14 * hour);
    return nowMs + 60_000 + this.#world.wait(5 * hour);
  }
}
