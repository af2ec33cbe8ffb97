import { u64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { Random } from './random.ts';
import type { U64 } from '../contracts/ids.ts';
import type { Actor, EventDraft, Journal } from './statement.ts';
import type { Place, World } from './world.ts';

const hour = 3_600_000;
const gib = 1024 ** 3;
const none = u64(0);

type Columns = Omit<EventDraft, 'type' | 'accountId' | 'zoneId' | 'resourceId'> & { zoneId?: U64 };

/** A resource that is made, perhaps changed, and removed: what each of its events carries. */
interface Kind {
  readonly made: string;
  readonly changed?: string;
  readonly removed: string;
  readonly meanMs: number;
  /** Columns of all its events, chosen once. */
  readonly fixed?: (id: U64, random: Random) => Columns;
  readonly make?: (random: Random) => Columns;
  readonly change?: (random: Random) => Columns;
  /** Removals carry little; their zone may be 0 or another than the resource's. */
  readonly remove?: (random: Random) => Columns;
}

const bytes = (random: Random, most: number): U64 => u64(random.whole(1, most) * gib + 4096);
const sized = (random: Random): Columns => ({
  size: bytes(random, 8),
  virtualSize: bytes(random, 40),
});

const kinds: readonly Kind[] = [
  {
    made: 'TEMPLATE.CREATE',
    removed: 'TEMPLATE.DELETE',
    meanMs: 30 * hour,
    make: (random) => ({ ...sized(random), templateId: random.chance(0.5) ? u64(201) : undefined }),
  },
  { made: 'ISO.CREATE', removed: 'ISO.DELETE', meanMs: 30 * hour, make: sized },
  {
    made: 'SNAPSHOT.CREATE',
    removed: 'SNAPSHOT.DELETE',
    meanMs: 20 * hour,
    make: sized,
    remove: (random) => (random.chance(0.5) ? { zoneId: none } : {}),
  },
  { made: 'LB.CREATE', removed: 'LB.DELETE', meanMs: 20 * hour },
  {
    made: 'NET.RULEADD',
    removed: 'NET.RULEDELETE',
    meanMs: 15 * hour,
    make: (random) => (random.chance(0.3) ? { zoneId: none } : {}),
    remove: () => ({ zoneId: none }),
  },
  {
    made: 'VPN.USER.ADD',
    removed: 'VPN.USER.REMOVE',
    meanMs: 30 * hour,
    fixed: (id) => ({ resourceName: `vpn-user-${id}`, zoneId: none }),
  },
  { made: 'VPC.CREATE', removed: 'VPC.DELETE', meanMs: 40 * hour },
  {
    made: 'NETWORK.CREATE',
    changed: 'NETWORK.UPDATE',
    removed: 'NETWORK.DELETE',
    meanMs: 20 * hour,
    fixed: () => ({ offeringId: u64(51) }),
    change: (random) => ({
      resourceType: random.pick(['Allocated', 'Implemented', 'Setup', 'Shutdown']),
    }),
  },
  {
    made: 'BACKUP.OFFERING.ASSIGN',
    changed: 'BACKUP.USAGE.METRIC',
    removed: 'BACKUP.OFFERING.BACKUPS.DEL',
    meanMs: 12 * hour,
    fixed: (id) => ({ offeringId: u64(81), resourceName: `Backup-vm-${id}` }),
    change: sized,
  },
  {
    made: 'VMSNAPSHOT.CREATE',
    removed: 'VMSNAPSHOT.DELETE',
    meanMs: 15 * hour,
    fixed: (id, random) => ({
      offeringId: random.chance(0.5) ? u64(31) : undefined,
      templateId: u64(BigInt(id) + 1n),
      details: { vmSnapshotId: id },
    }),
    make: (random) => ({ size: bytes(random, 20) }),
  },
  {
    made: 'VMSNAPSHOT.ON_PRIMARY',
    removed: 'VMSNAPSHOT.OFF_PRIMARY',
    meanMs: 15 * hour,
    fixed: (id) => ({
      offeringId: none,
      templateId: none,
      resourceName: `snapshot-${id}`,
      details: { vmSnapshotId: id },
    }),
    make: sized,
  },
  {
    made: 'SG.ASSIGN',
    removed: 'SG.REMOVE',
    meanMs: 10 * hour,
    fixed: () => ({ offeringId: u64(61) }),
  },
  {
    // An uploaded volume becomes an ordinary one when it is first used.
    made: 'VOLUME.UPLOAD',
    removed: 'VOLUME.CREATE',
    meanMs: 10 * hour,
    fixed: () => ({ offeringId: u64(32) }),
    make: sized,
    remove: (random) => ({ size: bytes(random, 20) }),
  },
  // Written by the management server, billed by nobody.
  { made: 'SNAPSHOT.COPY', removed: 'SNAPSHOT.OFF_PRIMARY', meanMs: 30 * hour, make: sized },
  { made: 'NET.IP6ASSIGN', removed: 'NET.IP6RELEASE', meanMs: 20 * hour },
];

/** All resources beside machines, volumes, cards and addresses: one actor lives through them all. */
export class Lasting implements Actor {
  readonly #world: World;
  readonly #place: Place;
  readonly #kind: Kind;
  readonly #id: U64;
  readonly #fixed: Columns;
  #made = false;

  constructor(world: World, place: Place) {
    this.#world = world;
    this.#place = place;
    this.#kind = world.random.pick(kinds);
    this.#id = world.id('other');
    this.#fixed = this.#kind.fixed?.(this.#id, world.random) ?? {};
  }

  act(nowMs: EpochMs, journal: Journal): EpochMs | null {
    const { random } = this.#world;
    const { made, changed, removed, meanMs, make, change, remove } = this.#kind;
    const again = nowMs + 40_000 + this.#world.wait(meanMs);
    if (!this.#made) {
      this.#made = true;
      journal.write(nowMs, this.#event(made, make));
      return again;
    }
    if (changed !== undefined && random.chance(0.7)) {
      journal.write(nowMs, this.#event(changed, change));
      return again;
    }
    journal.write(nowMs, this.#event(removed, remove));
    this.#world.add(again, new Lasting(this.#world, this.#place));
    return null;
  }

  #event(type: string, columns?: (random: Random) => Columns): EventDraft {
    return {
      type,
      ...this.#place,
      resourceId: this.#id,
      ...this.#fixed,
      ...columns?.(this.#world.random),
    };
  }
}
