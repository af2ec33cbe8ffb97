import { compareGroup } from '../../domain/diff.ts';
import type { Because, Difference, DiffRow } from '../../domain/diff.ts';
import { mergeGroups } from './side.ts';
import type { Side } from './side.ts';

/** A difference with its reason. */
export interface Explained extends Difference {
  readonly because: Because;
}

/** One account and window that differs, for a look at why. */
export interface DifferingGroup {
  readonly windowStartMs: number;
  readonly accountId: string;
  readonly differences: readonly Difference[];
  /** What further sides, that were read along, have of it. */
  readonly along: readonly (readonly DiffRow[])[];
}

/** Names the reasons of a group's differences, in their order. */
export type Explainer = (group: DifferingGroup) => Promise<readonly Because[]>;

export interface DiffSummary {
  equal: number;
  /** By class, then by what explains them. */
  readonly classes: Record<string, number>;
  readonly reasons: Record<string, number>;
  readonly byType: Record<string, number>;
  readonly byAccount: Record<string, number>;
  readonly byWindow: Record<string, number>;
}

/**
 * Compares two sides as streams, an account and window at a time.
 *
 * @param along Further sides to read in step, for the explainer.
 * @param onDifference Called for each difference; awaited, so that a slow reader slows the comparison.
 */
export async function runDiff(
  left: Side,
  right: Side,
  options: {
    readonly along?: readonly Side[];
    readonly explain: Explainer;
    readonly signal: AbortSignal;
    readonly onDifference: (difference: Explained) => void;
  },
): Promise<DiffSummary> {
  const { along = [], explain, signal, onDifference } = options;
  const natural = left.isGeneration && right.isGeneration;
  const summary: DiffSummary = {
    ...{ equal: 0, classes: {}, reasons: {}, byType: {}, byAccount: {}, byWindow: {} },
  };
  const sides = [left, right, ...along].map((side) => side.groups(natural));
  for await (const [a = [], b = [], ...rest] of mergeGroups(sides)) {
    if (signal.aborted) break;
    const { equal, differences } = compareGroup(a, b);
    summary.equal += equal;
    const row = a[0] ?? b[0];
    if (differences.length === 0 || !row) continue;
    const { windowStartMs, accountId } = row;
    const reasons = await explain({ windowStartMs, accountId, differences, along: rest });
    for (const [at, difference] of differences.entries()) {
      const because = reasons[at] ?? { kind: 'unexplained' };
      count(summary, difference, because);
      onDifference({ ...difference, because });
    }
  }
  return summary;
}

function count(summary: DiffSummary, difference: Difference, because: Because): void {
  const row = difference.left ?? difference.right;
  if (!row) return;
  add(summary.classes, difference.class);
  add(summary.reasons, reasonText(because));
  add(summary.byType, String(row.usageType));
  add(summary.byAccount, row.accountId);
  add(summary.byWindow, new Date(row.windowStartMs).toISOString());
}

const add = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/** A reason in short: `quirk duplicateOpens`, `correction`, `java undo`, `unexplained`. */
export function reasonText(because: Because): string {
  switch (because.kind) {
    case 'quirk':
      return `quirk ${because.names.join(' + ')}`;
    case 'correction':
      return 'correction';
    case 'java':
      return `java ${because.fault}`;
    case 'unexplained':
      return 'unexplained';
    default:
      return because satisfies never;
  }
}
