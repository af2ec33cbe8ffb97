import { randomInt } from 'node:crypto';
import { seededRandom } from '../../src/simulate/random.ts';

/**
 * A random source that a failing run names, so that the run can be had again: `SEED=… npx vitest …`.
 *
 * @param fixed The seed of every run that is not given another; without it each run has its own.
 */
export function testSeed(fixed?: number): {
  readonly seed: number;
  readonly random: ReturnType<typeof seededRandom>;
} {
  const seed = givenSeed() ?? fixed ?? randomInt(2 ** 31);
  return { seed, random: seededRandom(seed) };
}

/** What `SEED` says, for all that is random in tests; null without one. @throws RangeError when it is no whole number. */
export function givenSeed(text = process.env['SEED']): number | null {
  if (text === undefined || text === '') return null;
  const seed = Number(text);
  // fast-check prints seeds of 32 bits with a sign.
  if (!Number.isInteger(seed) || Math.abs(seed) > 2 ** 32)
    throw new RangeError(`SEED must be a whole number of 32 bits: ${text}`);
  return seed;
}
