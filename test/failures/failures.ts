import type { Failure } from './failure.ts';
import { logFailures } from './log.ts';
import { sourceFailures } from './source.ts';
import { storeFailures } from './store.ts';

/** Everything that UsageStream is to survive, by number. docs/failure-matrix.md is made from it. */
export const failures: readonly Failure[] = [
  ...sourceFailures,
  ...logFailures,
  ...storeFailures,
].toSorted((a, b) => a.n - b.n);

/** A named test: its file as the catalogue writes it, and its title. */
export interface NamedTest {
  readonly file: string;
  readonly title: string;
}

export function namedTest(text: string): NamedTest {
  const at = text.indexOf(': ');
  return { file: text.slice(0, at), title: text.slice(at + 2) };
}
