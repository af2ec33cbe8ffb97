import { Option } from 'commander';
import { sqlDateTime } from '../../contracts/time.ts';
import { defineCommand } from '../command.ts';
import { refuseHandback } from '../takeover/hand-back.ts';
import type { Handback } from '../takeover/hand-back.ts';
import { handbackDespite } from '../takeover/handback-problems.ts';
import { handbackKeys, runHandback } from '../takeover/run-handback.ts';

export const handbackCommand = defineCommand({
  name: 'handback',
  what: 'leave the tables so that a Java usage server goes on with the next window; ends the generation',
  example:
    'usagestream handback --generation java-20260301T000000Z --sink mysql://handover@db:3306 --log kafka://k1:9092 --dry-run',
  takes: handbackKeys,
  options: [
    new Option('--despite <name...>', 'pass over a problem').choices([...handbackDespite]),
    new Option(
      '--write-tables',
      'make the helper tables anew, where they were left out or are damaged',
    ),
    new Option('--dry-run', 'say what would be done, change nothing'),
  ],
  run: async (values, own, context) => {
    const flags = {
      despite: new Set((own['despite'] as string[] | undefined) ?? []),
      dryRun: own['dryRun'] === true,
      writesTables: own['writeTables'] === true,
    };
    const handed = await runHandback(values, flags, context);
    const { dryRun } = flags;
    console.log(
      context.json ? JSON.stringify({ ...handed, dryRun }) : textOf(handed, dryRun).join('\n'),
    );
    // As without --dry-run: for scripts, by the exit code.
    if (dryRun && !handed.isDone) refuseHandback(handed.problems, flags.despite);
    return 0;
  },
});

function textOf(handed: Handback, dryRun: boolean): string[] {
  const { generation, boundaryMs, waitingUntilMs, problems, isDone } = handed;
  const first = `  the Java server's first window begins at ${sqlDateTime(boundaryMs)} GMT`;
  if (isDone) return [`already handed back: generation ${generation}`, first];
  const waiting =
    waitingUntilMs === null
      ? []
      : [
          `  closed windows up to ${sqlDateTime(waitingUntilMs)} GMT ${dryRun ? 'would be published first' : 'were published first'}`,
        ];
  return [
    `${dryRun ? 'would be handed back' : 'handed back'}: generation ${generation}`,
    ...(dryRun && waitingUntilMs !== null ? [] : [first]),
    ...waiting,
    `  intervals and counters compared with the helper tables: ${handed.compared}`,
    ...(handed.copiedEvents > 0
      ? [`  events of later windows copied to usage_event: ${handed.copiedEvents}`]
      : []),
    ...problems.map(({ name, what }) => `  problem ${name === null ? '' : `${name}: `}${what}`),
    ...(dryRun ? [] : ['next: start the Java usage server']),
  ];
}
