import type { Counter } from '../contracts/feed-record.ts';
import type { AccountId } from '../contracts/ids.ts';
import { u64 } from '../contracts/ids.ts';
import type { U64, ZoneId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { Actor, Journal } from './statement.ts';
import type { Place, World } from './world.ts';

const everyMs = 3_600_000;

/** A router's or a disk's totals, written each hour; they grow, and rarely begin again from nothing. */
export class Gauge implements Actor {
  readonly #world: World;
  readonly #place: Place;
  readonly #of: 'router' | 'disk';
  readonly #id: U64;
  readonly #deviceId: U64;
  #total = 0n;

  constructor(world: World, place: Place, of: 'router' | 'disk') {
    this.#world = world;
    this.#place = place;
    this.#of = of;
    this.#id = world.id(of);
    this.#deviceId = world.id('other');
  }

  act(nowMs: EpochMs, journal: Journal): EpochMs {
    const { random } = this.#world;
    if (random.chance(0.01)) this.#total = 0n;
    else if (random.chance(0.9)) this.#total += BigInt(random.whole(0, 5_000_000));
    journal.measure(nowMs, this.#of === 'router' ? this.#router() : this.#disk());
    return nowMs + everyMs;
  }

  #router(): Counter {
    const [received, sent] = [u64(this.#total), u64(this.#total / 3n)];
    return {
      table: 'user_statistics',
      ...this.#whose(),
      publicIpAddress: null,
      deviceId: this.#deviceId,
      deviceType: 'DomainRouter',
      networkId: u64(BigInt(this.#deviceId) + 1n),
      netBytesReceived: u64(0),
      netBytesSent: u64(0),
      currentBytesReceived: received,
      currentBytesSent: sent,
      aggBytesReceived: received,
      aggBytesSent: sent,
    };
  }

  #disk(): Counter {
    const [bytes, requests] = [u64(this.#total), u64(this.#total / 4096n)];
    return {
      table: 'vm_disk_statistics',
      ...this.#whose(),
      vmId: this.#deviceId,
      volumeId: u64(BigInt(this.#deviceId) + 1n),
      netIoRead: u64(0),
      netIoWrite: u64(0),
      netBytesRead: u64(0),
      netBytesWrite: u64(0),
      currentIoRead: requests,
      currentIoWrite: requests,
      aggIoRead: requests,
      aggIoWrite: requests,
      currentBytesRead: bytes,
      currentBytesWrite: bytes,
      aggBytesRead: bytes,
      aggBytesWrite: bytes,
    };
  }

  #whose = () => ({
    id: this.#id,
    accountId: this.#place.accountId as AccountId,
    zoneId: this.#place.zoneId as ZoneId,
  });
}
