import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { servers } from '../support/servers.ts';
import { isExplained, reportLines } from './report.ts';
import { runGolden } from './run-golden.ts';

/**
 * Runs golden folders through the real pipeline and compares the rows with those of a CloudStack
 * usage server. Exit code 0: every difference is of a class that is never reproduced by design.
 */
async function main(folders: readonly string[]): Promise<number> {
  if (folders.length === 0) {
    process.stderr.write('usage: npm run golden -- DIR [DIR...]   (e.g. test/data/golden/week)\n');
    return 2;
  }
  let code = 0;
  for (const folder of folders) {
    try {
      const result = await runGolden(pathToFileURL(`${resolve(folder)}/`), servers());
      process.stdout.write(`${reportLines(result).join('\n')}\n`);
      if (!isExplained(result)) code = 1;
    } catch (error) {
      code = 1;
      const what = error instanceof Error ? error.message : String(error);
      process.stderr.write(`${folder}: ${what}\n`);
    }
  }
  return code;
}

process.exitCode = await main(process.argv.slice(2));
