/** Repeatable randomness: equal seeds give equal sequences on every machine. */
export interface Random {
  /** Next number in [0, 1). */
  next(): number;
  /** Whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of a list that must not be empty. */
  pick<T>(list: readonly T[]): T;
  /** Waiting time of a Poisson process with this mean: many short ones, few long ones. */
  wait(mean: number): number;
}

/**
 * The generator mulberry32: 32 bits of state, good enough for a workload, not for secrets.
 * @param seed Any whole number; only its low 32 bits count.
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    pick: (list) => {
      const picked = list[Math.floor(next() * list.length)];
      if (picked === undefined) throw new RangeError('nothing to pick from');
      return picked;
    },
    wait: (mean) => -mean * Math.log(1 - next()),
  };
}
