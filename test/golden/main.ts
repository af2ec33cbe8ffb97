import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { servers } from '../support/servers.ts';
import { makeFolder, writeFolder } from './made-folder.ts';
import { isExplained, reportLines } from './report.ts';
import { runGolden } from './run-golden.ts';

const usage = `npm run golden -- DIR [DIR...]

Takes the input of each golden folder through tail, aggregate and sink, and prints every row in which ours
and those of the CloudStack usage server differ, each with its class, and a count by class.

  npm run golden -- test/data/golden/week

Exit code 0: each difference is of a class that is never reproduced by design.
Exit code 1: some are not. Exit code 2: a folder cannot be run, and the message says why.

npm run golden -- --make DIR [--range MINUTES] [--windows N] [--vms N] [--late SHARE] [--seed N]
                      [--from INSTANT] [--zone NAME]

Makes a folder from a random history, with the rows of our own model of a usage server (which is no proof of
that model): late and disordered commits, events of one second. Equal options make equal folders.

  npm run golden -- --make /tmp/hourly --range 60 --windows 96 --vms 42    (some 30,000 rows)
`;

const options = {
  help: { type: 'boolean' },
  make: { type: 'string' },
  range: { type: 'string', default: '1440' },
  windows: { type: 'string', default: '4' },
  vms: { type: 'string', default: '40' },
  late: { type: 'string', default: '0.01' },
  seed: { type: 'string', default: '1' },
  from: { type: 'string', default: '2026-06-08T00:00:00Z' },
  zone: { type: 'string', default: 'GMT' },
} as const;

/** Runs golden folders and says by its exit code what became of them, or makes one. */
async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  if (values.help === true) {
    process.stdout.write(usage);
    return 0;
  }
  if (values.make !== undefined) return make(values.make, values);
  if (positionals.length === 0) throw new Error(`no folder is given\n\n${usage}`);
  let code = 0;
  for (const folder of positionals) {
    try {
      const result = await runGolden(folderUrl(folder), servers());
      process.stdout.write(`${reportLines(result).join('\n')}\n`);
      if (!isExplained(result)) code = Math.max(code, 1);
    } catch (error) {
      code = 2;
      process.stderr.write(`${folder}: ${messageOf(error)}\n`);
    }
  }
  return code;
}

type Numbers = Readonly<Record<'range' | 'windows' | 'vms' | 'late' | 'seed', string>>;
type Sizes = Numbers & { readonly from: string; readonly zone: string };

async function make(folder: string, sizes: Sizes): Promise<number> {
  const number = (name: keyof Numbers): number => {
    const value = Number(sizes[name]);
    const isWrong =
      name === 'late' ? !(value >= 0 && value <= 1) : !(Number.isInteger(value) && value > 0);
    if (isWrong) throw new Error(`--${name}: ${sizes[name]}`);
    return value;
  };
  const rangeMinutes = number('range');
  const files = makeFolder({
    seed: number('seed'),
    fromMs: Date.parse(sizes.from),
    timeZone: sizes.zone,
    rangeMinutes,
    windows: number('windows'),
    runDelayMinutes: Math.min(15, rangeMinutes / 4),
    accounts: 8,
    vms: number('vms'),
    lateShare: number('late'),
    tieShare: 0.05,
  });
  await writeFolder(folderUrl(folder), files);
  const rows = (files.get('cloud_usage.tsv')?.split('\n').length ?? 2) - 2;
  process.stdout.write(`${folder}: ${rows} rows\n`);
  return 0;
}

const folderUrl = (folder: string): URL => pathToFileURL(`${resolve(folder)}/`);

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 2;
}
