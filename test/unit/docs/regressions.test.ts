import { expect, test } from 'vitest';
import { sources } from '../../support/sources.ts';
import { titlesOf } from '../../support/test-titles.ts';

const page = 'docs/cloudstack/windows.md';
const names = Array.from({ length: 13 }, (_, at) => `R${at + 1}`);
const titles = sources('test/**/*.test.ts').flatMap(({ text }) => titlesOf(text));

test.each(names)('the regression %s is one test of that name', (name) => {
  expect(titles.filter((title) => title.startsWith(`${name}: `))).toHaveLength(1);
});

test(`they are those of ${page}`, () => {
  const [{ text } = { text: '' }] = sources(page);
  const listed = [...text.matchAll(/^\| (R\d+) /gm)].map(([, name]) => name);
  expect(listed).toEqual(names);
});
