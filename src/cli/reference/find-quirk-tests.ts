import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quirks } from '../../domain/quirks.ts';
import type { QuirkName } from '../../domain/quirks.ts';
import type { QuirkTests } from './quirks-page.ts';

const patterns = ['test/unit/domain/**/*.test.ts', 'test/property/**/*.test.ts'];

/** The test files below `root` that name each quirk. */
export function findQuirkTests(root: string): QuirkTests {
  const files = globSync(patterns, { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
  const naming = (name: string) =>
    files.filter(({ text }) => new RegExp(`\\b${name}\\b`).test(text)).map(({ path }) => path);
  return Object.fromEntries(
    (Object.keys(quirks) as QuirkName[]).map((name) => [name, naming(name)]),
  ) as unknown as QuirkTests;
}
