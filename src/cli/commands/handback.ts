import { hostname, userInfo } from 'node:os';
import { Option } from 'commander';
import { sqlDateTime } from '../../contracts/time.ts';
import { checkSchema } from '../../platform/migrate.ts';
import { openPool } from '../../platform/mysql.ts';
import { defineCommand } from '../command.ts';
import { createIo, sinkKeys, sinkStage, targetOf } from '../stages.ts';
import { handBack } from '../takeover/hand-back.ts';
import type { Handback } from '../takeover/hand-back.ts';
import { handbackDespite } from '../takeover/handback-problems.ts';

export const handbackCommand = defineCommand({
  name: 'handback',
  what: 'leave the tables so that a Java usage server goes on with the next window; ends the generation',
  example:
    'usagestream handback --generation java-20260301T000000Z --sink mysql://handover@db:3306 --log kafka://k1:9092 --dry-run',
  takes: [...sinkKeys.filter((key) => key !== 'until' && key !== 'mode')],
  options: [
    new Option('--despite <name...>', 'pass over a problem').choices([...handbackDespite]),
    new Option(
      '--write-tables',
      'make the helper tables anew, where they were left out or are damaged',
    ),
    new Option('--dry-run', 'say what would be done, change nothing'),
  ],
  run: async (values, own, context) => {
    const store = targetOf(values.sink, values.sinkPassword);
    const pool = openPool(store, 2);
    const dryRun = own['dryRun'] === true;
    try {
      await checkSchema(pool, values.schema);
      const handed = await handBack(pool, store, {
        schema: values.schema,
        cloudUsageSchema: values.cloudUsageSchema,
        generation: values.generation,
        despite: new Set((own['despite'] as string[] | undefined) ?? []),
        dryRun,
        writesTables: own['writeTables'] === true,
        doneBy: `${userInfo().username}@${hostname()}`,
        publish: (until) =>
          sinkStage(
            { ...values, until, mode: 'primary', helperTables: true },
            createIo(context),
            context.signal,
            () => undefined,
          ),
      });
      console.log(
        context.json ? JSON.stringify({ ...handed, dryRun }) : textOf(handed, dryRun).join('\n'),
      );
      return 0;
    } finally {
      await pool.end();
    }
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
