import { readFileSync } from 'node:fs';

/**
 * Flags that the program is started with, wherever it is started. The collector's young half is kept
 * small: what passes through lives for one batch, and a larger half only makes the process larger.
 * @type {string[]}
 */
export const nodeFlags = JSON.parse(
  readFileSync(new URL('../../src/cli/node-flags.json', import.meta.url), 'utf8'),
);
