import { sqlDateTime } from '../../contracts/time.ts';
import { reasonText } from './run-diff.ts';
import type { DiffSummary, Explained } from './run-diff.ts';

/** Prints differences as they come, then the counts: text, or with `json` one object a line. */
export function diffReport(json: boolean, limit: number) {
  let shown = 0;
  return {
    difference(found: Explained): void {
      if (json) {
        console.log(JSON.stringify(toJson(found)));
        return;
      }
      shown += 1;
      if (shown <= limit) console.log(toLine(found));
      if (shown === limit + 1) console.log('… (more with --limit, all with --json)');
    },
    end(a: string, b: string, summary: DiffSummary): void {
      if (json) {
        console.log(JSON.stringify({ summary: { a, b, ...summary } }));
        return;
      }
      const found = Object.values(summary.classes).reduce((sum, n) => sum + n, 0);
      console.log(`${a} and ${b}: ${summary.equal} rows equal, ${found} differences`);
      for (const [title, counts] of [
        ['class', summary.classes],
        ['because', summary.reasons],
        ['usage type', summary.byType],
        ['account', summary.byAccount],
        ['window', summary.byWindow],
      ] as const)
        for (const [name, n] of most(counts)) console.log(`  ${title} ${name}: ${n}`);
    },
  };
}

const most = (counts: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 20);

function toJson({ class: kind, left, right, columns, because }: Explained) {
  const row = left ?? right;
  return {
    class: kind,
    accountId: row?.accountId,
    usageType: row?.usageType,
    window: row && new Date(row.windowStartMs).toISOString(),
    key: row?.key,
    columns,
    because,
    left: left?.cells ?? null,
    right: right?.cells ?? null,
  };
}

function toLine({ class: kind, left, right, columns, because }: Explained): string {
  const row = left ?? right;
  const changes = columns
    .map(
      (column) => `${column} ${left?.cells[column] ?? 'NULL'} → ${right?.cells[column] ?? 'NULL'}`,
    )
    .join(', ');
  const side = kind === 'duplicate' ? ` (in ${left ? 'A' : 'B'})` : '';
  return [
    `${kind}${side}`,
    `account ${row?.accountId}`,
    `type ${row?.usageType}`,
    sqlDateTime(row?.windowStartMs ?? 0),
    row?.cells.description ?? '',
    changes === '' ? `${row?.cells.usage_display}` : changes,
    `because: ${reasonText(because)}`,
  ].join('  ');
}
