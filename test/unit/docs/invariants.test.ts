import { describe, expect, test } from 'vitest';
import { sources } from '../../support/sources.ts';
import { titlesOf } from '../../support/test-titles.ts';

interface Invariant {
  readonly number: number;
  readonly promise: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

const [page] = sources('docs/invariants.md');
const files = new Map(sources('test/**/*.ts').map(({ path, text }) => [path, text]));
const invariants = (page?.text ?? '')
  .split(/^## /m)
  .slice(1)
  .map((section): Invariant => {
    const lines = section.split('\n');
    return {
      number: Number(/^I(\d+): /.exec(section)?.[1]),
      promise: lines.slice(1).find((line) => line !== '' && !line.startsWith('- ')) ?? '',
      tests: [...section.matchAll(/^- `(test\/[^`]+)`: (.+)$/gm)].map(
        ([, file = '', title = '']) => ({ file, title }),
      ),
    };
  });

test('promises are numbered from I1 on, none twice, none left out', () => {
  expect(invariants.map(({ number }) => number)).toEqual(invariants.map((_, at) => at + 1));
  expect(invariants.length).toBeGreaterThan(0);
});

describe.each(invariants)('I$number', ({ promise, tests }) => {
  test('says in one sentence what is promised', () => {
    expect(promise).toMatch(/^[A-Z].*\.$/);
    expect(promise).not.toMatch(/\. /);
  });

  test('has a test', () => {
    expect(tests.length).toBeGreaterThan(0);
  });

  test.each(tests)('is held by a test that exists: $file: $title', ({ file, title }) => {
    expect(titlesOf(files.get(file) ?? '')).toContain(title);
  });
});
