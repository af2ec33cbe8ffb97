import { describe, expect, test } from 'vitest';
import { failures, namedTest } from '../../failures/failures.ts';
import { failurePage } from '../../failures/page.ts';
import { sources } from '../../support/sources.ts';
import { titlesOf } from '../../support/test-titles.ts';

const byName = Map.groupBy(sources('test/**/*.ts'), ({ path }) => path.replace(/^.*\//, ''));

test('failures are numbered from 1 to 42, none twice, none left out', () => {
  expect(failures.map(({ n }) => n)).toEqual(Array.from({ length: 42 }, (_, i) => i + 1));
});

describe.each(failures)('F$n: $fault', ({ tests, reason, pending }) => {
  test('is shown by tests, or says why not', () => {
    expect(tests.length + Number(reason !== undefined || pending !== undefined)).toBeGreaterThan(0);
    expect(new Set(tests).size).toBe(tests.length);
  });

  test('names tests that exist', () => {
    for (const named of tests) {
      const { file, title } = namedTest(named);
      const titles = (byName.get(file) ?? []).flatMap(({ text }) => titlesOf(text));
      expect(titles, named).toContain(title);
    }
  });
});

test('docs/failure-matrix.md is up to date: else run `node test/failures/write.ts`', () => {
  expect(sources('docs/failure-matrix.md')[0]?.text).toBe(failurePage());
});
