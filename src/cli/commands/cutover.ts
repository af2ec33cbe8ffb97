import { Option } from 'commander';
import { planCutover } from '../../sink/plan-cutover.ts';
import { Session } from '../../sink/session.ts';
import { storeTables } from '../../sink/store-tables.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext } from '../command.ts';
import { showProgress } from '../rebuild/progress-bar.ts';
import { cutoverPair, requestCutover } from '../rebuild/request-cutover.ts';
import { feedTakes, withFeed } from '../rebuild/store-access.ts';
import { durationMs } from '../setting-schemas.ts';
import type { SettingKey, SettingValues } from '../settings.ts';
import { createIo } from '../stages.ts';

const takes = [...feedTakes, 'cloudUsageSchema'] as const satisfies SettingKey[];
const options = [
  new Option('--dry-run', 'count the rows that would change, change nothing'),
  new Option('--wait <duration>', 'how long the sink has to answer').default('60s'),
];

export const cutoverCommand = defineCommand({
  name: 'cutover',
  what: 'make a generation the live one: the sink applies the difference to cloud_usage in one transaction',
  example:
    'usagestream cutover fixed --sink mysql://rebuild@db:3306 --log kafka://k1:9092 --dry-run',
  args: { name: '<generation>', what: 'its name; it is folded further first when it is behind' },
  takes,
  options,
  run: (values, own, context) =>
    run('cutover', (own['args'] as string[])[0] ?? '', values, own, context),
});

export const rollbackCommand = defineCommand({
  name: 'rollback',
  what: 'make the generation live again that was before the newest cutover: its rows come back',
  example: 'usagestream rollback --sink mysql://rebuild@db:3306 --log kafka://k1:9092',
  takes,
  options,
  run: (values, own, context) => run('rollback', null, values, own, context),
});

function run(
  kind: 'cutover' | 'rollback',
  name: string | null,
  values: Pick<SettingValues, (typeof takes)[number]>,
  own: Readonly<Record<string, unknown>>,
  context: CommandContext,
): Promise<number> {
  return withFeed(values, context, async ({ pool, schema, log, target }) => {
    const { signal } = context;
    if (own['dryRun'] === true) {
      const { from, to } = await cutoverPair({ kind, name, pool, schema });
      await using session = await Session.open(target, 10, signal);
      const counts = await planCutover(
        session,
        storeTables(schema, values.cloudUsageSchema),
        from.id,
        to.id,
      );
      tell(context, { dryRun: true, from: from.name, to: to.name, ...counts });
      return 0;
    }
    const io = { ...createIo(context), log, store: target, signal };
    const progress = showProgress(context, 'catch up');
    try {
      const { from, to, answer } = await requestCutover({
        ...{ kind, name, pool, schema, io },
        waitMs: durationMs.parse(own['wait']),
        onProgress: (at) => progress.update(at),
      });
      progress.end();
      tell(context, { dryRun: false, from, to, ...answer });
      return 0;
    } finally {
      progress.end();
    }
  });
}

function tell({ json }: CommandContext, facts: Readonly<Record<string, unknown>>): void {
  if (json) {
    console.log(JSON.stringify(facts));
    return;
  }
  const { from, to, windows, equal, updated, inserted, deleted, charged, dryRun } = facts;
  const would = dryRun === true ? 'would be' : 'was';
  console.log(
    `${String(to)} ${would} put in the place of ${String(from)}: of ${String(windows)} published windows ` +
      `${String(equal)} rows equal, ${String(updated)} updated, ${String(inserted)} inserted, ` +
      `${String(deleted)} deleted; ${String(charged)} charged rows kept, their differences as corrections`,
  );
}
