import { readFileSync } from 'node:fs';

/**
 * The certificates of the authorities that a file names, PEM, as they are at each call: whoever renews them
 * changes the file, and the next connection takes them.
 *
 * @returns what the file held last while it cannot be read, as when it is being replaced
 * @throws what reading it throws, now: later there is a last one
 */
export function authorityFile(path: string): () => string {
  let last = readFileSync(path, 'utf8');
  return () => {
    try {
      last = readFileSync(path, 'utf8');
    } catch {
      // The last one may still be right; if not, the connection says so.
    }
    return last;
  };
}
