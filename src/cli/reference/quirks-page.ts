import { presets, quirks } from '../../domain/quirks.ts';
import type { QuirkName } from '../../domain/quirks.ts';
import { unswitchedQuirks } from '../../domain/unswitched-quirks.ts';
import { code, codes, page, plain, table } from './markdown.ts';

/** Test files that exercise a quirk, paths from the root of the repository. */
export type QuirkTests = Readonly<Record<QuirkName, readonly string[]>>;

/** docs/quirks.md: every point where the presets differ, and those where they must not. */
export function quirksPage(tests: QuirkTests): string {
  const names = Object.keys(quirks) as QuirkName[];
  const rows = names.map((name) => [
    code(name),
    plain(quirks[name].java),
    plain(quirks[name].correct),
    codes(quirks[name].presets),
    tests[name].length === 0 ? 'none' : codes(tests[name]),
  ]);
  const unswitched = Object.entries(unswitchedQuirks).map(([name, quirk]) => {
    const [path = '', title = ''] = quirk.test.split(/: (.*)/);
    return [
      code(name),
      plain(quirk.java),
      plain(quirk.correct),
      quirk.presets.length === 0 ? 'never' : 'always',
      plain(quirk.reason),
      `${code(path)}: ${plain(title)}`,
    ];
  });
  return page('Quirks', [
    `Where CloudStack 4.23's usage server bills in a way that looks wrong, there is one switch, on or off by preset: ${codes(presets)}. The pages of [cloudstack](cloudstack/README.md) tell what leads to each; \`usagestream quirks\` lists them in a terminal.`,
    table(['quirk', 'on: what CloudStack does', 'off: what is right', 'on in', 'test'], rows),
    '## Without a switch',
    'Here the presets are alike. What depends on chance, on failures or on the time of a run is never reproduced; comparisons of rows ([rebuild](rebuild.md)) tell a server that did so by the same names.',
    table(
      ['name', 'what CloudStack does', 'what is right', 'reproduced', 'why', 'test'],
      unswitched,
    ),
  ]);
}
