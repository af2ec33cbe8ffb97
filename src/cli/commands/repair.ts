import { Option } from 'commander';
import { reportText } from '../audit/report-text.ts';
import { defineCommand } from '../command.ts';
import { applyRepair, checkRepair, planRepair } from '../repair/run-repair.ts';
import type { RepairCounts } from '../repair/repair-tables.ts';
import type { RepairResult } from '../repair/run-repair.ts';
import { auditOptions, auditSettings, fromOption, htmlOption, writePage } from './audit.ts';

export const repairCommand = defineCommand({
  name: 'repair',
  what: 'repair what `audit` finds in cloud_usage, in one transaction and with an undo file; without --apply it only says what it would do',
  example:
    'usagestream repair --sink mysql://repairer@db:3306\n' +
    'usagestream repair --sink mysql://repairer@db:3306 --apply --undo undo-2026-06-04.sql\n' +
    'mysql cloud_usage < undo-2026-06-04.sql    # takes it back',
  takes: auditSettings,
  options: [
    fromOption,
    htmlOption,
    new Option('--apply', 'change the tables'),
    new Option('--hide-charged', 'hide surplus rows that quota has charged from listUsageRecords'),
    new Option(
      '--undo <file>',
      'where to write the SQL that takes the repair back (default: usagestream-undo-<time>.sql here)',
    ),
  ],
  run: async (values, own, context) => {
    const undoPath = typeof own['undo'] === 'string' ? own['undo'] : undoFileName();
    const isApplied = own['apply'] === true;
    const options = auditOptions(values, own, context);
    const hideCharged = own['hideCharged'] === true;
    const result = await options.showing((audit) =>
      (isApplied ? applyRepair : planRepair)({ ...audit, undoPath, hideCharged }),
    );
    await writePage(own['html'], result.report);
    if (context.json) console.log(JSON.stringify({ isApplied, ...result }));
    else console.log(resultText(result, isApplied).join('\n'));
    // As with --apply: for scripts, by the exit code.
    if (!isApplied)
      await options.showing((audit) => checkRepair({ ...audit, undoPath, hideCharged }));
    return 0;
  },
});

function resultText({ report, counts, undoPath }: RepairResult, isApplied: boolean): string[] {
  const verb = isApplied ? 'repaired' : 'would be repaired (nothing was changed: give --apply)';
  const done = [
    ...repairedText(counts),
    undoPath === null ? 'no undo file: nothing was changed' : `to take it back: ${undoPath}`,
  ];
  return [
    'before',
    ...reportText(report).map((line) => `  ${line}`),
    '',
    verb,
    ...done.map((line) => `  ${line}`),
  ];
}

/** The file that a repair makes where none is named: in the working folder, of this second. */
export const undoFileName = (): string =>
  `usagestream-undo-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.sql`;

/** What a repair did or would do, a line each. */
export function repairedText(counts: RepairCounts): string[] {
  return [
    `${counts.deleted} surplus rows deleted, ${counts.replaced} replaced, ${counts.inserted} missing rows added, ${counts.hidden} charged rows hidden`,
    `helper tables: ${counts.helperInserted} rows added, ${counts.helperUpdated} changed, ${counts.helperDeleted} deleted`,
    `${counts.eventsMarked} stuck events set to processed`,
    ...(counts.helperRefused > 0
      ? [`${counts.helperRefused} helper rows were refused by a unique key`]
      : []),
  ];
}
