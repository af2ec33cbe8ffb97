import { helperKinds, rowKinds } from '../../domain/audit-tally.ts';
import type { Count } from '../../domain/audit-tally.ts';
import type { AuditReport } from './audit-report.ts';
import { groups } from './report-text.ts';

const meaning: Readonly<Record<string, string>> = { ...rowKinds, ...helperKinds };

/** The report as one page that loads nothing and runs nothing; every text in it is escaped. */
export function reportHtml(report: AuditReport): string {
  const { billed, events, jobs, toSettle } = report;
  const parts = [
    `<h1>Audit of ${escape(report.schema)}</h1>`,
    `<p class="${report.isDamaged ? 'bad' : 'good'}">${report.isDamaged ? 'damaged' : 'clean'}</p>`,
    list([
      `${report.accounts} accounts, windows of ${report.rangeMinutes} minutes`,
      billed === null ? 'nothing was billed' : `billed ${billed.from} to ${billed.to} GMT`,
      `${report.rows.checked} rows compared with their events, ${report.rows.right} right`,
    ]),
    section(
      'Rows',
      ['kind', 'rows', 'charged', 'meaning'],
      report.byKind.map(({ kind, rows, charged }) => [kind, rows, charged, meaning[kind]]),
    ),
    ...groups(report).map(([by, counts]) =>
      section(`Rows by ${by}`, [by, 'kind', 'rows', 'charged'], counts.map(cellsOf)),
    ),
    section(
      'Helper tables',
      ['table', 'kind', 'rows', 'meaning'],
      report.helperTables.map(({ of, kind, rows }) => [of, kind, rows, meaning[kind]]),
    ),
    section(
      'Overlapping jobs',
      ['job', 'start', 'end', 'billed again up to'],
      jobs.listed.map(({ jobId, start, end, billedAgainTo }) => [jobId, start, end, billedAgainTo]),
    ),
    section(
      'Stuck events',
      ['type', 'events'],
      events.stuck.byType.map(({ type, events: n }) => [type, n]),
    ),
    ...(events.poison === null
      ? []
      : [
          `<p>Undone by event ${escape(events.poison.event.id)}, ${escape(events.poison.event.type)} of ${escape(events.poison.event.created)}: ${escape(events.poison.why)}</p>`,
        ]),
    section(
      'Credits to issue',
      ['account', 'charged rows', 'amount'],
      toSettle.credits.map(({ accountId, rows, amount }) => [
        accountId,
        rows,
        amount ?? 'quota_usage may not be read',
      ]),
    ),
    section(
      'Corrections to settle',
      ['account', 'window', 'type', 'description', 'billed', 'correct'],
      toSettle.corrections.map((one) => [
        one.accountId,
        one.windowStart,
        one.usageType,
        one.description,
        one.billed ?? 'nothing',
        one.correct,
      ]),
    ),
    section(
      'Explained',
      ['code', 'what'],
      report.facts.map(({ code, text }) => [code, text]),
    ),
    ...Object.entries(report.examples).map(([kind, examples]) =>
      section(
        `Examples: ${kind}`,
        ['example'],
        examples.map((one) => [JSON.stringify(one)]),
      ),
    ),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit of ${escape(report.schema)}</title>
<style>
body { font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; }
table { border-collapse: collapse; margin-bottom: 2em; }
th, td { border: 1px solid #999; padding: 0.2em 0.6em; text-align: left; overflow-wrap: anywhere; }
.bad { color: #a00; font-weight: bold; }
.good { color: #060; font-weight: bold; }
</style>
</head>
<body>
${parts.filter((part) => part !== '').join('\n')}
</body>
</html>
`;
}

type Cell = string | number | null | undefined;

function section(
  title: string,
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  if (rows.length === 0) return '';
  const line = (tag: string, cells: readonly Cell[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(String(cell ?? ''))}</${tag}>`).join('')}</tr>`;
  return [
    `<h2>${escape(title)}</h2>`,
    `<table>${line('th', heads)}`,
    ...rows.map((cells) => line('td', cells)),
    '</table>',
  ].join('\n');
}

const cellsOf = ({ of, kind, rows, charged }: Count): Cell[] => [of, kind, rows, charged];

const list = (lines: readonly string[]): string =>
  `<ul>${lines.map((line) => `<li>${escape(line)}</li>`).join('')}</ul>`;

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;' },
  ...{ '"': '&quot;', "'": '&#39;' },
};
const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (c) => entities[c] ?? c);
