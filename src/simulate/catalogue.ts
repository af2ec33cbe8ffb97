import { u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { Random } from './random.ts';

/** What the simulated cloud offers: enough kinds that every column of a usage row is used. */
const gib = 1024n ** 3n;

export const customOffering: U64 = u64(24);
const fixedOfferings: readonly U64[] = [u64(21), u64(22), u64(23)];
export const networkOfferings: readonly U64[] = [u64(51), u64(52), u64(53)];
const diskOfferings = [
  { id: u64(31), size: 5n * gib },
  { id: u64(32), size: 20n * gib },
  { id: u64(33), size: 100n * gib },
] as const;
const templates: readonly U64[] = [u64(201), u64(202), u64(203), u64(204)];
const hypervisors = ['KVM', 'KVM', 'KVM', 'VMware', 'XenServer'] as const;

/** A service offering with the values that a custom one takes from the user. */
export interface Compute {
  readonly offeringId: U64;
  readonly custom: Readonly<Record<'cpuNumber' | 'cpuSpeed' | 'memory', string>> | undefined;
}

/** Another compute size than `but`; a fifth are custom. */
export function pickCompute(random: Random, but?: Compute): Compute {
  if (random.chance(0.2))
    return {
      offeringId: customOffering,
      custom: {
        cpuNumber: String(random.whole(1, 9)),
        cpuSpeed: random.pick(['1000', '2000', '2400']),
        memory: random.pick(['1024', '2048', '4096', '8192']),
      },
    };
  const choice = fixedOfferings.filter((id) => id !== but?.offeringId);
  return { offeringId: random.pick(choice), custom: undefined };
}

/** A disk of an offering, or of a free size (then the offering stays and the size differs). */
export function pickDisk(random: Random): { offeringId: U64; size: U64 } {
  const disk = random.pick(diskOfferings);
  const extra = random.chance(0.2) ? BigInt(random.whole(1, 50)) * gib : 0n;
  return { offeringId: disk.id, size: u64(disk.size + extra) };
}

export const rootSize = (random: Random): U64 => u64(BigInt(random.pick([8, 10, 20, 40])) * gib);

export const larger = (size: U64, random: Random): U64 =>
  u64(BigInt(size) + BigInt(random.whole(1, 20)) * gib);

export const pickTemplate = (random: Random): U64 => random.pick(templates);
export const pickHypervisor = (random: Random): string => random.pick(hypervisors);
