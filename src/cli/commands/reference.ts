import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { AppError } from '../../platform/errors.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { defineCommand } from '../command.ts';
import { findQuirkTests } from '../reference/find-quirk-tests.ts';
import { writeCommand } from '../reference/markdown.ts';
import { referencePages } from '../reference/pages.ts';

const root = join(import.meta.dirname, '../../..');

/** For those who work on UsageStream, so `--help` does not list it. The program tells which command takes what. */
export const referenceCommand = (program: Command) =>
  defineCommand({
    name: 'reference',
    what: 'write the pages of docs/ that are made from the sources, or check that they are up to date',
    example: `${writeCommand}\nnode src/cli/main.ts reference --check   # exit code 1 when a page is out of date`,
    hidden: true,
    takes: [],
    options: [
      new Option('--write', 'write the pages'),
      new Option('--check', 'compare only').conflicts('write'),
      new Option('--docs <folder>', 'where the pages are (default: docs/ of this checkout)'),
    ],
    run: async (_values, own, context) => {
      if (own['write'] !== true && own['check'] !== true)
        throw new AppError('CONFIG_INVALID', { problems: ['give --write or --check'] });
      const docs = typeof own['docs'] === 'string' ? own['docs'] : join(root, 'docs');
      const pages = referencePages({
        commands: program.commands
          .filter((command) => command.name() !== 'reference')
          .flatMap((command) => (command.commands.length > 0 ? command.commands : [command]))
          .map((command) => ({
            name: [command.parent === program ? [] : command.parent?.name(), command.name()]
              .flat()
              .join(' '),
            flags: command.options.map(({ long }) => long ?? ''),
          })),
        metrics: createMetrics(),
        quirkTests: findQuirkTests(root),
      });
      const stale = [...pages].filter(([name, text]) => readOrNull(join(docs, name)) !== text);
      if (own['write'] === true) {
        mkdirSync(docs, { recursive: true });
        for (const [name, text] of stale) writeFileSync(join(docs, name), text);
      }
      const names = stale.map(([name]) => name);
      if (context.json) console.log(JSON.stringify({ pages: [...pages.keys()], changed: names }));
      else if (own['write'] === true) console.log(`${names.length} of ${pages.size} pages written`);
      else if (names.length === 0) console.log(`${pages.size} pages are up to date`);
      else console.log(`out of date: ${names.join(', ')}; run ${writeCommand}`);
      return own['check'] === true && names.length > 0 ? 1 : 0;
    },
  });

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && fault.code === 'ENOENT') return null;
    throw fault;
  }
}
