import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot, sources } from '../../support/sources.ts';

const exists = (path: string) => existsSync(join(repositoryRoot, path));

test('every page of docs/ that a source names is there', () => {
  const missing = sources('{src,streams,deploy,test}/**/*.{ts,mjs,sql,yaml}', 'README.md').flatMap(
    ({ path, text }) =>
      [...text.matchAll(/(?<![\w/.-])docs\/[\w./-]*\w/g)]
        .filter(([page]) => !exists(page))
        .map(([page]) => `${path}: ${page}`),
  );
  expect(missing).toEqual([]);
});

test('every invariant that a source names is there', () => {
  const [page] = sources('docs/invariants.md');
  const missing = sources('{src,streams,deploy,docs}/**/*.{ts,mjs,sql,md}').flatMap(
    ({ path, text }) =>
      [...text.matchAll(/\binvariants? (I\d+)\b/gi)]
        .filter(([, name]) => !page?.text.includes(`\n## ${name}: `))
        .map(([, name]) => `${path}: ${name}`),
  );
  expect(missing).toEqual([]);
});

test('every link of a page leads to a file, and to a heading where it names one', () => {
  const pages = sources('README.md', 'docs/**/*.md');
  const missing = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
      .filter(([, file = '', heading]) => {
        const target = file === '' ? path : join(dirname(path), file).replaceAll('\\', '/');
        if (!exists(target)) return true;
        const page = pages.find((each) => each.path === target);
        return heading !== undefined && !headingsOf(page?.text ?? '').includes(heading);
      })
      .map(([link]) => `${path}: ${link}`),
  );
  expect(missing).toEqual([]);
});

/** Anchors as GitHub makes them. */
const headingsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
