import { Option } from 'commander';
import { sqlDateTime } from '../../contracts/time.ts';
import { AppError } from '../../platform/errors.ts';
import { defineCommand } from '../command.ts';
import { despiteNames, refuseProblems } from '../takeover/java-jobs.ts';
import { runTakeover, takeoverKeys } from '../takeover/run-takeover.ts';
import type { Takeover } from '../takeover/take-over.ts';
import { repairedText, undoFileName } from './repair.ts';

export const takeoverCommand = defineCommand({
  name: 'takeover',
  what: 'start exactly where a stopped Java usage server ended: its tables become the beginning of a generation',
  example:
    'usagestream takeover --sink mysql://handover@db:3306 --log kafka://k1:9092 --prefix acs --dry-run\n' +
    'usagestream takeover --sink mysql://handover@db:3306 --log kafka://k1:9092 --prefix acs\n' +
    'usagestream takeover … --repair --undo undo.sql   # damaged tables: mends them first, as `repair` does',
  takes: takeoverKeys,
  options: [
    new Option(
      '--into <name>',
      'name of the generation that begins (default: java-<time of its start>)',
    ),
    new Option('--despite <name...>', 'pass over a problem').choices([...despiteNames]),
    new Option('--repair', 'mend damaged tables first, in one transaction, with an undo file'),
    new Option(
      '--undo <file>',
      'where to write the SQL that takes the repair back (default: usagestream-undo-<time>.sql here)',
    ),
    new Option('--dry-run', 'say what would be repaired and taken over, change nothing'),
  ],
  run: async (values, own, context) => {
    const text = (name: string) => (typeof own[name] === 'string' ? own[name] : null);
    const despite = new Set((own['despite'] as string[] | undefined) ?? []);
    const dryRun = own['dryRun'] === true;
    const repair = own['repair'] === true ? { undoPath: text('undo') ?? undoFileName() } : null;
    const problems = [
      ...(repair && despite.has('damage')
        ? ['--repair mends what --despite damage passes over: give one of them']
        : []),
      ...(text('undo') !== null && !repair ? ['--undo belongs to --repair'] : []),
    ];
    if (problems.length > 0) throw new AppError('CONFIG_INVALID', { problems });
    const flags = { into: text('into'), despite, dryRun, repair };
    const taken = await runTakeover(values, flags, context);
    if (taken === null) return 1;
    const facts = { ...taken, dryRun };
    console.log(context.json ? JSON.stringify(facts) : textOf(facts).join('\n'));
    // As without --dry-run: for scripts, by the exit code.
    if (dryRun && !taken.isDone) refuseProblems(taken.problems, despite);
    return 0;
  },
});

function textOf(taken: Takeover & { readonly dryRun: boolean }): string[] {
  const { window, lastJob, rows, counters, problems, dryRun, isDone, generation } = taken;
  const tables = Object.entries(rows).filter(([, count]) => count > 0);
  const quirks = Object.entries(taken.rules.quirks).map(
    ([name, isOn]) => `, ${name} ${isOn ? 'on' : 'off'}`,
  );
  const counts = [...tables.map(([table, count]) => [table, count] as const)];
  return [
    isDone
      ? `already taken over: generation ${generation}`
      : `${dryRun ? 'would be taken over' : 'taken over'}: generation ${generation}`,
    `  the last job was ${lastJob.id} of ${lastJob.host}`,
    `  the first window is ${sqlDateTime(window.startMs)} .. ${sqlDateTime(window.endMs - 1)} GMT`,
    `  it bills by preset ${taken.rules.preset}${quirks.join('')}`,
    `  accounts: ${taken.accounts}`,
    ...counts.map(([table, count]) => `  ${table}: ${count}`),
    `  counters: ${counters.network} of networks, ${counters.disk} of disks`,
    ...(taken.withoutEvent > 0
      ? [`  rows of which the opening event is not known: ${taken.withoutEvent}`]
      : []),
    ...repairLines(taken),
    ...problems.map(({ name, what }) => `  problem ${name === null ? '' : `${name}: `}${what}`),
    ...(dryRun ? [] : [`next: usagestream run --generation ${generation} --mode primary …`]),
  ];
}

function repairLines({ repair, dryRun }: Takeover & { readonly dryRun: boolean }): string[] {
  if (repair === null) return [];
  const done = repairedText(repair.counts).map((line) => `    ${line}`);
  return dryRun
    ? ['  would be repaired first (the counts above are of the tables as they are):', ...done]
    : [
        '  repaired first:',
        ...done,
        `    to take it back: ${repair.undoPath ?? 'nothing to undo'}`,
      ];
}
