import { Option } from 'commander';
import { AppError } from '../../platform/errors.ts';
import { windowsOf } from '../diff/open-side.ts';
import { diffReport } from '../diff/diff-report.ts';
import { compareSides } from '../diff/compare-sides.ts';
import { defineCommand } from '../command.ts';
import { optionValue } from '../option-value.ts';
import { feedTakes, withFeed } from '../rebuild/store-access.ts';
import { instantMs, whole } from '../setting-schemas.ts';
import { createIo } from '../stages.ts';

export const diffCommand = defineCommand({
  name: 'diff',
  what: 'compare the rows of two sides and say why they differ; exit code 1 when they do',
  example:
    'usagestream diff main fixed --sink mysql://rebuild@db:3306 --log kafka://k1:9092\n' +
    'usagestream diff java:cloud_usage main --until 2026-06-01T00:00:00Z --json …',
  args: {
    name: '<sides...>',
    what: 'two: each a generation, `live` (the published table), `java:SCHEMA` or a TSV file of rows',
  },
  takes: [...feedTakes, 'cloudUsageSchema'],
  options: [
    new Option('--until <time>', 'only windows that end by this time').argParser(
      optionValue('--until', instantMs),
    ),
    new Option('--from <time>', 'only windows from this time on').argParser(
      optionValue('--from', instantMs),
    ),
    new Option('--limit <n>', 'differences that are shown; all with --json')
      .argParser(optionValue('--limit', whole(0, 1_000_000)))
      .default(50),
    new Option('--quick', 'do not fold again to find the quirks behind differences'),
    new Option('--explained-ok', 'exit code 0 also when every difference is explained'),
  ],
  run: (values, own, context) =>
    withFeed(values, context, async ({ pool, schema, log, target }) => {
      const [a, b, ...more] = own['args'] as string[];
      if (a === undefined || b === undefined || more.length > 0)
        throw new AppError('CONFIG_INVALID', { problems: ['diff takes two sides'] });
      const { cloudUsageSchema } = values;
      const { signal } = context;
      const span = {
        fromMs: own['from'] as number | undefined,
        untilMs: own['until'] as number | undefined,
      };
      const spec = await windowsOf([a, b], { pool, schema });
      const report = diffReport(context.json, own['limit'] as number);
      const io = { ...createIo(context), log, store: target, signal };
      const summary = await compareSides([a, b], {
        ...{ pool, schema, cloudUsageSchema, spec, span, io, signal },
        isQuick: own['quick'] === true,
        onDifference: (found) => report.difference(found),
      });
      report.end(a, b, summary);
      // What was not compared may differ.
      if (signal.aborted) return 1;
      const found = Object.values(summary.classes).reduce((sum, n) => sum + n, 0);
      const open = summary.reasons['unexplained'] ?? 0;
      return found === 0 || (own['explainedOk'] === true && open === 0) ? 0 : 1;
    }),
});
