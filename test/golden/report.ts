import { faultClasses, unexplained } from './fault-classes.ts';
import type { GoldenResult } from './run-golden.ts';

/** Whether every difference is of a class that is never reproduced. */
export const isExplained = ({ differences }: GoldenResult): boolean =>
  differences.every((difference) => difference.class !== unexplained);

/** Every difference, a count by class, and the figures of a folder. */
export function reportLines(result: GoldenResult): string[] {
  const { name, unread, differences, seconds, expected, ours } = result;
  const all = differences.map(
    (difference) => `${difference.class}\t${sides[difference.side]}\t${difference.line}`,
  );
  const byClass = Map.groupBy(differences, (difference) => difference.class);
  const counts = [...byClass]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([one, { length }]) => `  ${length} ${one}: ${meaningOf(one)}`);
  const times = `loaded in ${text(seconds.load)}, pipeline ${text(seconds.pipeline)}, compared in ${text(seconds.compare)}`;
  const verdict = verdictOf(result);
  return [
    ...all,
    `${name}: ${verdict}; server ${expected} rows, ours ${ours.length} (${times})`,
    ...counts,
    ...(unread.length > 0 ? [`  run.json: not read: ${unread.join(', ')}`] : []),
  ];
}

const sides = { server: 'only the server', ours: 'only ours' } as const;

const text = (seconds: number): string => `${seconds.toFixed(1)} s`;

const meaningOf = (one: GoldenResult['differences'][number]['class']): string =>
  one === unexplained ? 'no fault of the server gives this' : faultClasses[one];

function verdictOf(result: GoldenResult): string {
  const { length } = result.differences;
  if (length === 0) return 'equal to the row and the column';
  return `${length} differences, ${isExplained(result) ? 'all explained' : 'NOT ALL EXPLAINED'}`;
}
