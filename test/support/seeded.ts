import { randomInt } from 'node:crypto';
import { seededRandom } from '../../src/simulate/random.ts';

/** A random source that a failing run names, so that the run can be had again: `SEED=… npx vitest …`. */
export function testSeed(): {
  readonly seed: number;
  readonly random: ReturnType<typeof seededRandom>;
} {
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
  return { seed, random: seededRandom(seed) };
}
