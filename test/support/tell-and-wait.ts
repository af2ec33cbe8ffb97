import { readSync, writeSync } from 'node:fs';

/**
 * Says it to the test, as a line on stdout, and stands still until a byte of its answer has come: a process that
 * the test kills is still where it said, however busy the machine. It ends with the test.
 */
export function tellAndWait(said: unknown): void {
  writeSync(1, `${JSON.stringify(said)}\n`);
  if (readSync(0, Buffer.alloc(1)) === 0) process.exit(1);
}
