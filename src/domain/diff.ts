import type { EpochMs } from '../contracts/time.ts';
import { usageColumnsBut } from './usage-columns.ts';

/** Columns of cloud_usage that say what was used: not whose it is, nor of which type. */
export const diffColumns = usageColumnsBut('account_id', 'usage_type');
export type DiffColumn = (typeof diffColumns)[number];

/** A usage row of any origin, in the form in which two can be compared. */
export interface DiffRow {
  readonly accountId: string;
  readonly usageType: number;
  /** Start of the window that holds the row's start_date. */
  readonly windowStartMs: EpochMs;
  /** Natural key where the origin has one; else {@link likenessKey}. Both sides must have the same kind. */
  readonly key: string;
  /** Of the natural key, hexadecimal; null where the origin has none. */
  readonly recordId: string | null;
  /** The id of the correction that appended it; null: a row of its own. */
  readonly correction: string | null;
  readonly cells: Readonly<Record<DiffColumn, string | null>>;
  /** Ids of the events behind it, where the origin knows them. */
  readonly events: readonly string[];
}

export type DiffClass = 'differs' | 'missing' | 'surplus' | 'duplicate';

export interface Difference {
  /** `missing`: only the left side has it; `surplus`: only the right; `duplicate`: one side has it again. */
  readonly class: DiffClass;
  readonly left: DiffRow | null;
  readonly right: DiffRow | null;
  /** Of a `differs`: what differs. */
  readonly columns: readonly DiffColumn[];
}

/** Why a difference is there; `unexplained`: nothing that is known makes it. */
export type Because =
  | { readonly kind: 'quirk'; readonly names: readonly string[] }
  | { readonly kind: 'correction'; readonly ids: readonly string[] }
  | { readonly kind: 'java'; readonly fault: string }
  | { readonly kind: 'unexplained' };

/**
 * What makes two rows without natural keys the same one: what is billed, where, of which kind. Adjustments
 * are told from the rows that they adjust.
 */
export function likenessKey(usageType: number, cells: DiffRow['cells']): string {
  const own = hasOwnDates(usageType) ? cells.start_date : '';
  const mark = /^Adjustment for .*?: /.exec(cells.description ?? '')?.[0] ?? '';
  return JSON.stringify([
    ...[usageType, cells.zone_id, cells.usage_id, cells.vm_instance_id, cells.offering_id],
    ...[cells.template_id, cells.network_id, cells.type, own, mark],
    ...(usageType === 10 || usageType === 13
      ? []
      : [cells.cpu_speed, cells.cpu_cores, cells.memory]),
  ]);
}

/** Rows of VM snapshots begin with their snapshot, not with the window. */
export const hasOwnDates = (usageType: number): boolean => usageType === 25 || usageType === 27;

/**
 * Compares the rows that two sides have of one account and window. Rows are matched by key, equal ones
 * first; what is left over is matched by resource where that is unmistakable. An extra row of a key that
 * the other side has as well is a duplicate.
 *
 * @returns how many rows are equal, and every difference, in the order of keys.
 */
export function compareGroup(
  left: readonly DiffRow[],
  right: readonly DiffRow[],
): { readonly equal: number; readonly differences: readonly Difference[] } {
  let equal = 0;
  const differences: Difference[] = [];
  const lone: { left: DiffRow[]; right: DiffRow[] } = { left: [], right: [] };
  const lefts = Map.groupBy(left, ({ key }) => key);
  const rights = Map.groupBy(right, ({ key }) => key);
  const keys = [...new Set([...lefts.keys(), ...rights.keys()])].toSorted();
  for (const key of keys) {
    const pair = pairUp(lefts.get(key) ?? [], rights.get(key) ?? []);
    equal += pair.equal.length;
    differences.push(...pair.differing.map(([a, b]) => differs(a, b)));
    const isKnown = pair.equal.length + pair.differing.length > 0;
    for (const row of pair.left)
      if (isKnown) differences.push({ class: 'duplicate', left: row, right: null, columns: [] });
      else lone.left.push(row);
    for (const row of pair.right)
      if (isKnown) differences.push({ class: 'duplicate', left: null, right: row, columns: [] });
      else lone.right.push(row);
  }
  // A quirk may make keys otherwise: what is equal but for its key is equal.
  const alike = pairUp(lone.left, lone.right, true);
  equal += alike.equal.length;
  const far = matchResources(alike.left, alike.right);
  differences.push(...far.pairs.map(([a, b]) => differs(a, b)));
  for (const row of far.left)
    differences.push({ class: 'missing', left: row, right: null, columns: [] });
  for (const row of far.right)
    differences.push({ class: 'surplus', left: null, right: row, columns: [] });
  return { equal, differences: differences.toSorted(byKey) };
}

const byKey = (a: Difference, b: Difference): number => {
  const [first, second] = [keyOf(a), keyOf(b)];
  return first < second ? -1 : first > second ? 1 : 0;
};
const keyOf = ({ left, right }: Difference): string => left?.key ?? right?.key ?? '';

const differs = (left: DiffRow, right: DiffRow): Difference => ({
  class: 'differs',
  ...{ left, right },
  columns: diffColumns.filter((column) => left.cells[column] !== right.cells[column]),
});

const isSame = (a: DiffRow, b: DiffRow): boolean =>
  a.usageType === b.usageType && diffColumns.every((column) => a.cells[column] === b.cells[column]);

/** Rows of one key: equal ones in pairs, then (if wanted) others in pairs, and what one side has more. */
function pairUp(left: readonly DiffRow[], right: readonly DiffRow[], onlyEqual = false) {
  const rest = [...right];
  const equal: DiffRow[] = [];
  const open = left.filter((row) => {
    const at = rest.findIndex((other) => isSame(row, other));
    if (at === -1) return true;
    equal.push(row);
    rest.splice(at, 1);
    return false;
  });
  const pairs = onlyEqual ? 0 : Math.min(open.length, rest.length);
  const differing = open
    .slice(0, pairs)
    .flatMap((row, at): [DiffRow, DiffRow][] => (rest[at] ? [[row, rest[at]]] : []));
  return { equal, differing, left: open.slice(pairs), right: rest.slice(pairs) };
}

/** Pairs of one type and resource, where each side has exactly one. */
function matchResources(left: readonly DiffRow[], right: readonly DiffRow[]) {
  const resource = ({ usageType, cells, correction }: DiffRow) =>
    JSON.stringify([usageType, cells.usage_id, cells.vm_instance_id, correction]);
  const lefts = Map.groupBy(left, resource);
  const rights = Map.groupBy(right, resource);
  const pairs: [DiffRow, DiffRow][] = [];
  const paired = new Set<DiffRow>();
  for (const [key, [a, more]] of lefts) {
    const [b, others] = rights.get(key) ?? [];
    if (!a || !b || more || others) continue;
    pairs.push([a, b]);
    paired.add(a).add(b);
  }
  const unpaired = (row: DiffRow) => !paired.has(row);
  return { pairs, left: left.filter(unpaired), right: right.filter(unpaired) };
}
