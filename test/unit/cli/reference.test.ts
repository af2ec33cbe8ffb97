import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findQuirkTests } from '../../../src/cli/reference/find-quirk-tests.ts';
import { table } from '../../../src/cli/reference/markdown.ts';
import { quirks } from '../../../src/domain/quirks.ts';
import { unswitchedQuirks } from '../../../src/domain/unswitched-quirks.ts';
import { scratchFolder } from '../../support/scratch-folder.ts';
import { repositoryRoot } from '../../support/sources.ts';

function usagestream(...args: readonly string[]) {
  const main = join(repositoryRoot, 'src/cli/main.ts');
  const { status, stdout } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, said: stdout.trim() };
}

describe('pages that are made from the sources', () => {
  test('are up to date in docs/: else run `node src/cli/main.ts reference --write`', () => {
    expect(usagestream('reference', '--check')).toEqual({
      status: 0,
      said: '5 pages are up to date',
    });
  });

  test('are written where they are missing or old, and then up to date', () => {
    using folder = scratchFolder();
    const docs = ['--docs', folder.path];
    expect(usagestream('reference', '--check', ...docs).status).toBe(1);
    expect(usagestream('reference', '--write', ...docs).said).toBe('5 of 5 pages written');
    const quirksPage = join(folder.path, 'quirks.md');
    const text = readFileSync(quirksPage, 'utf8');
    writeFileSync(quirksPage, text.replace('java-4.23', 'java-4.24'));
    expect(usagestream('reference', '--check', ...docs)).toEqual({
      status: 1,
      said: 'out of date: quirks.md; run node src/cli/main.ts reference --write',
    });
    expect(usagestream('reference', '--write', ...docs).said).toBe('1 of 5 pages written');
    expect(readFileSync(quirksPage, 'utf8')).toBe(text);
  });
});

test.each(Object.entries(findQuirkTests(repositoryRoot)))(
  'a test names the quirk %s',
  (_, files) => {
    expect(files.length).toBeGreaterThan(0);
  },
);

test('quirks are listed by name, and told by preset', () => {
  const lines = (...args: readonly string[]) =>
    usagestream('quirks', '--json', ...args)
      .said.split('\n')
      .map((line): unknown => JSON.parse(line));
  const both = Object.entries({ ...quirks, ...unswitchedQuirks });
  expect(lines()).toEqual(both.map(([name, quirk]) => ({ name, ...quirk })));
  expect(lines('--preset', 'correct')).toEqual(
    both.map(([name, quirk]) => ({
      ...{ name, ...quirk },
      on: (quirk.presets as readonly string[]).includes('correct'),
    })),
  );
});

test('a table has columns as wide as their widest cell', () => {
  expect(
    table(
      ['a', 'word'],
      [
        ['longer', 'x'],
        ['', 'longest'],
      ],
    ),
  ).toBe('| a      | word    |\n| ------ | ------- |\n| longer | x       |\n|        | longest |');
});
