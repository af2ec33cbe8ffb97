import { Option } from 'commander';
import { openGeneration } from '../../aggregate/open-generation.ts';
import { requireGeneration } from '../../aggregate/made-generation.ts';
import { rebuild } from '../../aggregate/rebuild.ts';
import { requireSavepoint, restoreSavepoint } from '../../aggregate/savepoint.ts';
import { Throttle } from '../../aggregate/throttle.ts';
import { defineCommand } from '../command.ts';
import { optionValue } from '../option-value.ts';
import { whole } from '../setting-schemas.ts';
import { showProgress } from '../rebuild/progress-bar.ts';
import { feedTakes, withFeed } from '../rebuild/store-access.ts';
import { nameArgument } from '../rebuild/name-argument.ts';
import { describePlan } from '../rebuild/rebuild-plan.ts';
import { askedWindow, createIo } from '../stages.ts';

export const rebuildCommand = defineCommand({
  name: 'rebuild',
  what: 'fold the feed into a new generation beside the live one, or go on with one that was begun',
  example:
    'usagestream rebuild fixed --preset correct --sink mysql://rebuild@db:3306 --log kafka://k1:9092\n' +
    'usagestream rebuild fixed --from-savepoint june --quirk duplicateOpens=off --dry-run …',
  args: { name: '<generation>', what: 'its name; when it exists, it is gone on with' },
  takes: [
    ...feedTakes,
    ...(['range', 'windowOrigin', 'closeDelay', 'timeZone', 'until', 'helperTables'] as const),
    ...(['cloudUsageSchema', 'preset', 'quirks', 'snapshotVirtualSize'] as const),
  ],
  options: [
    new Option('--from-savepoint <name>', 'begin a new generation with the states of a savepoint'),
    new Option('--max-rate <n>', 'feed records a second at most').argParser(
      optionValue('--max-rate', whole(1, Number.MAX_SAFE_INTEGER)),
    ),
    new Option('--dry-run', 'say what would be folded, change nothing'),
  ],
  run: (values, own, context) =>
    withFeed(values, context, async ({ pool, schema, log, target }) => {
      const name = nameArgument(own);
      const { signal, logger } = context;
      const io = createIo(context);
      const asked = {
        schema,
        name,
        prefix: values.prefix,
        window: askedWindow(values),
        cloudUsageSchema: values.cloudUsageSchema,
        closeDelayMs: values.closeDelay,
        settings:
          values.snapshotVirtualSize === undefined
            ? {}
            : { snapshotVirtualSize: values.snapshotVirtualSize },
        preset: values.preset === 'auto' ? null : values.preset,
        quirkOverrides: values.quirks,
        fromSavepoint: own['fromSavepoint'] !== undefined,
      };
      const begin = own['fromSavepoint'] as string | undefined;
      // Before anything is made: what is refused leaves no empty generation behind.
      const plan = await describePlan(asked, begin, { pool, log, logger, signal });
      if (plan === null) return 1;
      if (own['dryRun'] === true) {
        console.log(context.json ? JSON.stringify(plan) : plan.text);
        return 0;
      }
      const savepoint = begin === undefined ? null : await requireSavepoint(pool, schema, begin);
      const generation = await openGeneration(asked, { pool, log, logger, signal });
      if (generation === null) return 1;
      if (savepoint) {
        const from = await requireGeneration(pool, schema, savepoint.generation);
        await restoreSavepoint(pool, schema, savepoint, from, generation);
      }
      const progress = showProgress(context, `rebuild ${name}`);
      const maxRate = own['maxRate'] as number | undefined;
      const startedMs = performance.now();
      try {
        const done = await rebuild(
          {
            schema,
            generation,
            untilMs: values.until,
            throttle:
              maxRate === undefined
                ? undefined
                : new Throttle(maxRate, { now: () => performance.now() }),
            helperTables: values.helperTables,
          },
          { ...io, log, store: target, signal, onProgress: (at) => progress.update(at) },
        );
        progress.end();
        const seconds = (performance.now() - startedMs) / 1000;
        const result = { generation: name, ...done, seconds: Number(seconds.toFixed(1)) };
        if (context.json) console.log(JSON.stringify({ ...result, done: !signal.aborted }));
        else
          console.log(
            `${name}: ${done.records} records, ${done.events} events, ${done.rows} rows in ${seconds.toFixed(1)} s` +
              (signal.aborted ? '; stopped: the same command goes on' : ''),
          );
        return signal.aborted ? 1 : 0;
      } finally {
        progress.end();
      }
    }),
});
