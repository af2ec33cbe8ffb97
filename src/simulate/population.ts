import { u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { Address } from './address.ts';
import { Gauge } from './gauge.ts';
import { Lasting } from './lasting.ts';
import { Machine } from './machine.ts';
import type { PlanOptions } from './plan.ts';
import type { SimulatedAccount } from './statement.ts';
import type { World } from './world.ts';

const hour = 3_600_000;
const day = 24 * hour;
const firstDomain = 10;

/** The accounts of a plan. The last of several is made only on the second day. */
export function makeAccounts(world: World, options: PlanOptions): SimulatedAccount[] {
  return Array.from({ length: options.accounts }, (_, i) => {
    const id = world.id('account');
    const isLast = i > 0 && i === options.accounts - 1;
    return {
      id,
      name: `account-${id}`,
      uuid: `00000000-0000-4000-8000-${id.padStart(12, '0')}`,
      domainId: u64((options.idBase ?? 0) + firstDomain + i),
      createdMs: options.startMs + (isLast && options.days > 1 ? day + hour : -hour),
    };
  });
}

/**
 * Puts machines and addresses into the world: most machines are there within the first hours, the
 * others come over the days, some within the same second as another. The first accounts are the big ones.
 */
export function populate(
  world: World,
  options: PlanOptions,
  accounts: readonly SimulatedAccount[],
): void {
  const { random } = world;
  const zones = Array.from({ length: options.zones }, (_, i) => u64((options.idBase ?? 0) + i + 1));
  const homeOf = new Map(accounts.map(({ id }, i) => [id, zones[i % zones.length]!]));
  const zoneOf = (id: U64): U64 => (random.chance(0.8) ? homeOf.get(id)! : random.pick(zones));
  const from = (account: SimulatedAccount): EpochMs =>
    Math.max(account.createdMs, options.startMs) + 10_000;

  let lastMs = options.startMs;
  for (let i = 0; i < options.vms; i += 1) {
    const account = pickSkewed(accounts, random.next());
    const spread = random.chance(0.7) ? 3 * hour : options.days * day;
    const ownMs = from(account) + random.next() * spread;
    const atMs = random.chance(0.2) && lastMs >= from(account) ? lastMs : Math.round(ownMs);
    world.add(atMs, new Machine(world, { accountId: account.id, zoneId: zoneOf(account.id) }));
    lastMs = atMs;
  }
  for (const account of accounts)
    for (const zoneId of zones)
      world.add(from(account), new Address(world, { accountId: account.id, zoneId }, true));
  for (let i = 0; i < options.vms / 3; i += 1) {
    const account = pickSkewed(accounts, random.next());
    const place = { accountId: account.id, zoneId: zoneOf(account.id) };
    const atMs = from(account) + Math.round(random.next() * options.days * day);
    world.add(atMs, new Address(world, place, false));
  }
  if (options.everything === true) populateRest(world, options, accounts, zones);
}

function populateRest(
  world: World,
  options: PlanOptions,
  accounts: readonly SimulatedAccount[],
  zones: readonly U64[],
): void {
  for (let i = 0; i < options.vms; i += 1) {
    const account = pickSkewed(accounts, world.random.next());
    const place = { accountId: account.id, zoneId: world.random.pick(zones) };
    const atMs =
      Math.max(account.createdMs, options.startMs) + world.random.whole(60, 36_000) * 1000;
    world.add(atMs, new Lasting(world, place));
    if (i % 10 === 0) world.add(atMs, new Gauge(world, place, i % 20 === 0 ? 'router' : 'disk'));
  }
}

/** Squaring a number in [0, 1) favours the small ones: the first account gets the most. */
const pickSkewed = <T>(list: readonly T[], dice: number): T =>
  list[Math.floor(dice * dice * list.length)]!;
