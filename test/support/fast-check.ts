import fc from 'fast-check';
import { givenSeed } from './seeded.ts';

/*
 * The one way to fast-check: every property has a thousand cases, and one seed, if it is given. A property that
 * fails prints its seed; `SEED=<that> npx vitest run FILE` has the same cases again. See docs/properties.md.
 */
const seed = givenSeed();
fc.configureGlobal({ numRuns: 1000, ...(seed === null ? {} : { seed }) });

export { fc };
