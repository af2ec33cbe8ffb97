import { u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { Random } from './random.ts';
import type { Actor } from './statement.ts';

/** Whose a resource is, and where. */
export interface Place {
  readonly accountId: U64;
  readonly zoneId: U64;
}

export type Numbered =
  | 'account'
  | 'address'
  | 'detail'
  | 'disk'
  | 'event'
  | 'nic'
  | 'other'
  | 'router'
  | 'vm'
  | 'volume';

/** First ids of a fresh cloud; of different lengths, so that a mix-up of two ids shows. */
const firstIds: Readonly<Record<Numbered, number>> = {
  account: 101,
  address: 70_001,
  detail: 1,
  disk: 1,
  event: 1,
  nic: 900_001,
  other: 3_000_001,
  router: 1,
  vm: 1_001,
  volume: 500_001,
};

/** What all actors share: chance, ids, and the place to put new actors. */
export interface World {
  readonly random: Random;
  id(of: Numbered): U64;
  add(atMs: EpochMs, actor: Actor): void;
  /** A waiting time with this mean, ms; shorter when the plan wants more events. */
  wait(meanMs: number): number;
}

/** Ids in order, all moved by `base`, so that a second plan can follow a first. */
export function numbering(base: number): (of: Numbered) => U64 {
  const next = { ...firstIds };
  return (of) => u64(base + next[of]++);
}
