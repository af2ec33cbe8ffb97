import { fc } from '../../support/fast-check.ts';
import { escape } from 'mysql2';
import { expect, test } from 'vitest';
import { list, multiRow, quote } from '../../../src/aggregate/sql-text.ts';

/** Reads a literal as the server does with backslash escapes on. */
const unquote = (literal: string) =>
  literal
    .slice(1, -1)
    .replaceAll(/\\(.)|''/gsu, (_, char?: string) => (char === '0' ? '\0' : (char ?? "'")));

const text = fc.string({ unit: fc.constantFrom("'", '"', '\\', '\0', '\n', 'a', '0', 'é', '😀') });

test('a literal reads back as the text, and nothing ends it early', () => {
  fc.assert(
    fc.property(text, (value) => {
      const literal = quote(value);
      expect(unquote(literal)).toBe(value);
      expect(literal).toMatch(/^'(?:[^'\\]|\\[^])*'$/u);
    }),
  );
});

test('ordinary text is quoted as the driver does it', () => {
  expect(quote("it's")).toBe(escape("it's"));
  expect(quote(null)).toBe('NULL');
});

test('statements keep all rows, in order, under the limit, whatever their sizes', () => {
  const rows = fc.array(
    fc.nat(30).map((size) => `(${'x'.repeat(size)})`),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 100 }), (all, limit) => {
      const seen: string[] = [];
      for (const { sql, from, to } of multiRow('H', all, 'T', limit)) {
        expect(sql).toBe(`H ${all.slice(from, to).join(',')} T`);
        expect(to > from && (to === from + 1 || sql.length - 4 <= limit)).toBe(true);
        seen.push(...all.slice(from, to));
      }
      expect(seen).toEqual(all);
    }),
  );
});

test('a list is what stands behind IN', () => expect(list(['1', 2])).toBe('(1,2)'));
