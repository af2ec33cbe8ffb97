import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { faultClasses } from '../../golden/fault-classes.ts';

test('the page on golden runs names every class, as the runner does, and no other', async () => {
  const page = await readFile(new URL('../../../docs/golden.md', import.meta.url), 'utf8');
  const [, classes = ''] = page.split('## Classes');
  const rows = [...classes.matchAll(/^\| `([\w-]+)` +\| (.*?) +\|$/gm)];
  expect(rows.map(([, name, what]) => [name, what])).toEqual(Object.entries(faultClasses));
});
