import { hostname, userInfo } from 'node:os';
import { Option } from 'commander';
import { resolveRules } from '../../aggregate/resolve-rules.ts';
import { sqlDateTime } from '../../contracts/time.ts';
import { quirkSet, realOverrides } from '../../domain/quirks.ts';
import { AppError } from '../../platform/errors.ts';
import { checkSchema } from '../../platform/migrate.ts';
import { openPool } from '../../platform/mysql.ts';
import { usageFeed } from '../../../streams/index.ts';
import { runAudit } from '../audit/run-audit.ts';
import { defineCommand } from '../command.ts';
import { auditOptions } from './audit.ts';
import { openLog } from '../open-log.ts';
import { resolvePreset } from '../preset.ts';
import { askedWindow, targetOf } from '../stages.ts';
import { despiteNames } from '../takeover/java-jobs.ts';
import type { Problem } from '../takeover/java-jobs.ts';
import { placeAccounts } from '../takeover/place-accounts.ts';
import { takeOver } from '../takeover/take-over.ts';
import type { Takeover } from '../takeover/take-over.ts';

export const takeoverCommand = defineCommand({
  name: 'takeover',
  what: 'start exactly where a stopped Java usage server ended: its tables become the beginning of a generation',
  example:
    'usagestream takeover --sink mysql://handover@db:3306 --log kafka://k1:9092 --prefix acs --dry-run\n' +
    'usagestream takeover --sink mysql://handover@db:3306 --log kafka://k1:9092 --prefix acs',
  takes: [
    ...(['sink', 'sinkPassword', 'log', 'logPassword', 'prefix', 'partitions'] as const),
    ...([
      'schema',
      'cloudSchema',
      'cloudUsageSchema',
      'range',
      'timeZone',
      'closeDelay',
      'preset',
    ] as const),
    ...(['quirks', 'snapshotVirtualSize', 'corrections', 'correctBack'] as const),
  ],
  options: [
    new Option(
      '--into <name>',
      'name of the generation that begins (default: java-<time of its start>)',
    ),
    new Option('--despite <name...>', 'pass over a problem').choices([...despiteNames]),
    new Option('--dry-run', 'say what would be taken over, change nothing'),
  ],
  run: async (values, own, { json, logger, signal }) => {
    const store = targetOf(values.sink, values.sinkPassword);
    const into = typeof own['into'] === 'string' ? own['into'] : null;
    if (into !== null && !/^[A-Za-z0-9_.-]{1,64}$/.test(into))
      throw new AppError('CONFIG_INVALID', { problems: ['--into: 1 to 64 of A-Z a-z 0-9 _ . -'] });
    const { schema, cloudUsageSchema, prefix, partitions } = values;
    const pool = openPool(store, 2);
    await using log = await openLog(values, { clientId: 'usagestream-takeover', logger });
    try {
      await checkSchema(pool, schema);
      const feedTopic = usageFeed.topic(prefix);
      await refuseEmptyFeed(log, feedTopic);
      // Where windows begin is said by the last job, whatever else there is.
      const window = { ...askedWindow({ ...values, windowOrigin: undefined }), originMs: 0 };
      const settings =
        values.snapshotVirtualSize === undefined
          ? {}
          : { snapshotVirtualSize: values.snapshotVirtualSize };
      const generation = into ?? '';
      const rules = await resolveRules(
        { window, closeDelayMs: values.closeDelay, settings },
        { pool, schema, generation, log, feedTopic, logger, signal },
      );
      if (rules === null) return 1;
      const preset = await resolvePreset(values.preset, store, {
        ...{ schema, cloudUsageSchema, generation },
      });
      const quirkOverrides = realOverrides(preset, values.quirks);
      const despite = new Set((own['despite'] as string[] | undefined) ?? []);
      const taken = await takeOver(pool, {
        generation: {
          ...rules,
          ...{ schema, name: into, feedTopic, feedPartitions: partitions, preset, quirkOverrides },
          corrections: { mode: values.corrections, reachMs: values.correctBack },
        },
        quirks: quirkSet(preset, quirkOverrides),
        cloudUsageSchema,
        despite,
        audit: () => audit(values, { json, signal }),
        dryRun: own['dryRun'] === true,
        doneBy: `${userInfo().username}@${hostname()}`,
        placeOf: await placeAccounts(log, prefix, partitions, signal),
      });
      const facts = { ...taken, dryRun: own['dryRun'] === true };
      console.log(json ? JSON.stringify(facts) : textOf(facts).join('\n'));
      return 0;
    } finally {
      await pool.end();
    }
  },
});

/** @throws TAKEOVER_REFUSED: without the feed neither the rules nor the events to come are known */
async function refuseEmptyFeed(log: Awaited<ReturnType<typeof openLog>>, topic: string) {
  const offsets = await log.offsets(topic).catch(() => []);
  if (offsets.some(({ next }) => next > 0)) return;
  throw new AppError('TAKEOVER_REFUSED', {
    problems: [
      `the feed ${topic} is empty: start \`usagestream tail\` (or run --mode shadow) first`,
    ],
  });
}

/** The whole audit: what is wrong in the tables would be wrong in every window to come. */
async function audit(
  values: Parameters<typeof auditOptions>[0],
  context: Parameters<typeof auditOptions>[2],
): Promise<readonly Problem[]> {
  const report = await auditOptions(values, {}, context).showing(runAudit);
  if (!report.isDamaged) return [];
  const counts = report.byKind.map(({ kind, rows }) => `${rows} ${kind}`).join(', ');
  const what = `the tables are damaged${counts === '' ? '' : ` (rows: ${counts})`}: \`usagestream audit\` tells all of it, \`usagestream repair\` mends it; --despite damage takes them over as they are`;
  return [{ name: 'damage', what }];
}

function textOf(taken: Takeover & { readonly dryRun: boolean }): string[] {
  const { window, lastJob, rows, counters, problems, dryRun, isDone, generation } = taken;
  const tables = Object.entries(rows).filter(([, count]) => count > 0);
  const counts = [...tables.map(([table, count]) => [table, count] as const)];
  return [
    isDone
      ? `already taken over: generation ${generation}`
      : `${dryRun ? 'would be taken over' : 'taken over'}: generation ${generation}`,
    `  the last job was ${lastJob.id} of ${lastJob.host}`,
    `  the first window is ${sqlDateTime(window.startMs)} .. ${sqlDateTime(window.endMs - 1)} GMT`,
    `  accounts: ${taken.accounts}`,
    ...counts.map(([table, count]) => `  ${table}: ${count}`),
    `  counters: ${counters.network} of networks, ${counters.disk} of disks`,
    ...(taken.withoutEvent > 0
      ? [`  rows of which the opening event is not known: ${taken.withoutEvent}`]
      : []),
    ...problems.map(({ name, what }) => `  problem ${name === null ? '' : `${name}: `}${what}`),
    ...(dryRun ? [] : [`next: usagestream run --generation ${generation} --mode primary …`]),
  ];
}
