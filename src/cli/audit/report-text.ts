import { helperKinds, rowKinds } from '../../domain/audit-tally.ts';
import type { Count } from '../../domain/audit-tally.ts';
import type { AuditReport } from './audit-report.ts';

const meaning: Readonly<Record<string, string>> = { ...rowKinds, ...helperKinds };

/** Rows of a table that are shown; JSON and HTML have all of them. */
const shown = 20;

/** The report for a person, line by line. */
export function reportText(report: AuditReport): string[] {
  const { billed, events, jobs, toSettle } = report;
  const lines = [
    report.isDamaged ? 'damaged: `usagestream repair` says what it would do' : 'clean',
    `${report.schema}: ${report.accounts} accounts, windows of ${report.rangeMinutes} minutes, billed ${billed === null ? 'nothing' : `${billed.from} .. ${billed.to} GMT`}`,
    `${report.rows.checked} rows compared with their events, ${report.rows.right} right`,
  ];
  if (report.byKind.length > 0) {
    lines.push('', 'rows');
    for (const { kind, rows, charged } of report.byKind)
      lines.push(
        `  ${rows} ${kind}${charged > 0 ? ` (${charged} charged by quota)` : ''}: ${meaning[kind]}`,
      );
    for (const [by, counts] of groups(report)) lines.push(...table(by, counts));
  }
  if (report.helperTables.length > 0) {
    lines.push('', 'helper tables');
    for (const { of, kind, rows } of report.helperTables)
      lines.push(`  ${of}: ${rows} ${kind}: ${meaning[kind]}`);
  }
  if (jobs.overlapping > 0) {
    lines.push('', `${jobs.overlapping} overlapping jobs`);
    for (const { jobId, start, end, billedAgainTo } of jobs.listed.slice(0, shown))
      lines.push(`  job ${jobId}: ${start} .. ${end}, again up to ${billedAgainTo}`);
  }
  if (events.stuck.count > 0) {
    const { count, first, last } = events.stuck;
    lines.push(
      '',
      `${count} stuck events, ${first?.id} (${first?.created}) to ${last?.id} (${last?.created})`,
    );
    if (events.poison !== null) {
      const { event, why } = events.poison;
      lines.push(`  undone by event ${event.id}, ${event.type} of ${event.created}: ${why}`);
    }
  }
  if (toSettle.credits.length > 0 || toSettle.correctionCount > 0) {
    lines.push('', 'to settle');
    for (const { accountId, rows, amount } of toSettle.credits)
      lines.push(
        `  account ${accountId}: credit ${amount ?? '(quota_usage may not be read)'} for ${rows} charged rows (quotaCredits)`,
      );
    for (const {
      accountId,
      windowStart,
      description,
      billed: has,
      correct,
    } of toSettle.corrections.slice(0, shown))
      lines.push(
        `  account ${accountId}, window of ${windowStart}: ${description}: billed ${has ?? 'nothing'}, correct ${correct}; quota has charged later windows`,
      );
    if (toSettle.correctionCount > shown)
      lines.push(`  … ${toSettle.correctionCount} corrections in all`);
  }
  if (report.facts.length > 0) {
    lines.push('', 'explained');
    for (const { code, text } of report.facts) lines.push(`  ${code}: ${text}`);
  }
  return lines;
}

/** The counts of rows by what they are counted. */
export const groups = (report: AuditReport): (readonly [string, readonly Count[]])[] => [
  ['account', report.byAccount],
  ['usage type', report.byType],
  ['window', report.byWindow],
  ['run that wrote them (usage_job)', report.byJob],
];

function table(by: string, counts: readonly Count[]): string[] {
  if (counts.length === 0) return [];
  const lines = counts.slice(0, shown).map(({ of, kind, rows }) => `    ${of}: ${rows} ${kind}`);
  if (counts.length > shown) lines.push(`    … ${counts.length} lines in all (--json)`);
  return [`  by ${by}`, ...lines];
}
