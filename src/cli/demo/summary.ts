import type { Recount } from '../../simulate/recount.ts';
import { typeNames } from './live-table.ts';

/** The end of the demo in words: rows by type and account, and whether the independent recount agrees. */
export function summaryLines(recount: Recount): string[] {
  const byType = [...recount.byType].sort(([a], [b]) => a - b);
  const byAccount = [...recount.byAccount].sort(([a], [b]) => Number(a) - Number(b));
  return [
    '',
    'rows by usage type',
    ...byType.map(
      ([type, n]) =>
        `  ${String(type).padStart(2)} ${(typeNames[type] ?? '').padEnd(22)}${String(n).padStart(8)}`,
    ),
    'rows by account',
    ...byAccount.map(([account, n]) => `  ${account.padEnd(25)}${String(n).padStart(8)}`),
    '',
    `recount in SQL over the closed windows: ${recount.rows} rows compared`,
    `  duplicates ${recount.duplicates}, missing ${recount.missing}, surplus ${recount.surplus}, different ${recount.different}`,
    ...recount.examples.map((e) => `    ${JSON.stringify(e)}`),
  ];
}

/** True when the rows are exactly what the events say. */
export const isExact = (r: Recount): boolean =>
  r.rows > 0 && r.duplicates + r.missing + r.surplus + r.different === 0;
