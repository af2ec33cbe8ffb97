import { Option } from 'commander';
import { defineCommand } from '../command.ts';
import type { CommandContext } from '../command.ts';
import { Session } from '../../sink/session.ts';
import { checkPair, lookAtCutover } from '../rebuild/plan-cutover.ts';
import { optionValue } from '../option-value.ts';
import { showProgress } from '../rebuild/progress-bar.ts';
import { requestCutover } from '../rebuild/request-cutover.ts';
import { feedTakes, withFeed } from '../rebuild/store-access.ts';
import { durationMs } from '../setting-schemas.ts';
import type { SettingKey, SettingValues } from '../settings.ts';
import { createIo } from '../stages.ts';

const takes = [...feedTakes, 'cloudUsageSchema'] as const satisfies SettingKey[];
const options = [
  new Option('--dry-run', 'count the rows that would change, change nothing'),
  new Option('--wait <duration>', 'how long the sink has to answer')
    .argParser(optionValue('--wait', durationMs))
    .default(60_000, '60s'),
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
    const waitMs = own['wait'] as number;
    const { cloudUsageSchema } = values;
    if (own['dryRun'] === true) {
      const look = { kind, name, pool, schema, target, log, cloudUsageSchema, waitMs, signal };
      tell(context, { dryRun: true, ...(await lookAtCutover(look)) });
      return 0;
    }
    {
      // Before it is folded further, which may take long.
      await using work = await Session.open(target, 10, signal);
      await checkPair({ kind, name, pool, schema, target, cloudUsageSchema, signal }, work);
    }
    const io = { ...createIo(context), log, store: target, signal };
    const progress = showProgress(context, 'catch up');
    try {
      const { from, to, answer } = await requestCutover({
        ...{ kind, name, pool, schema, io },
        waitMs,
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
      `${String(deleted)} deleted; ${String(charged)} charged rows kept, their differences as corrections` +
      (facts['isBehind'] === true ? '; it is behind, and would be folded further first' : ''),
  );
}
