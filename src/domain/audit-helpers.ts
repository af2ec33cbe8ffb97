import type { EventId, U64 } from '../contracts/ids.ts';
import { helperColumns } from './audit-resource.ts';
import type { HelperChange } from './helper-row.ts';
import { intervalTables } from './helper-tables.ts';
import type { HelperTable } from './helper-tables.ts';
import type { TableName } from './intervals.ts';

/** A row of a helper table: cells as text, in the order of the table's columns. */
export interface StoredHelper {
  readonly id: U64;
  readonly cells: readonly (string | null)[];
}

/** A row that a helper table should hold. */
export interface WantedHelper {
  readonly eventId: EventId | null;
  readonly cells: readonly (string | null)[];
}

/** What is odd about the rows of one account in a helper table. */
export type HelperFinding =
  /** An opening event has left no row: the resource is not billed, and its end will find nothing. */
  | { readonly kind: 'lost-open'; readonly table: string; readonly wanted: WantedHelper }
  /** A closing event was lost: the resource would be billed for ever. */
  | HelperChangeFinding<'lost-close'>
  /** The row says otherwise than its events. */
  | HelperChangeFinding<'helper-differs'>
  /** No event makes the row. */
  | { readonly kind: 'helper-surplus'; readonly table: string; readonly row: StoredHelper }
  /** Of a resource of which no event is left to compare with. */
  | { readonly kind: 'helper-unfounded'; readonly table: string; readonly row: StoredHelper }
  /** The table cannot hold the row; the event is one that a Java server fails on. */
  | {
      readonly kind: 'unstorable';
      readonly table: string;
      readonly wanted: WantedHelper;
      readonly why: string;
    };

interface HelperChangeFinding<K extends string> {
  readonly kind: K;
  readonly table: string;
  readonly row: StoredHelper;
  readonly wanted: WantedHelper;
}

/** A unique key of a helper table, beside its surrogate id. */
export interface UniqueKey {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A computed helper row as its table would hold it. */
export const wantedHelper = ({ eventId, cells }: HelperChange): WantedHelper => ({
  eventId,
  cells: cells.map((cell) => (cell === null ? null : String(cell))),
});

/**
 * Compares the rows of one account in an interval table with what its events make.
 *
 * The domain is not compared: it is that of the account at the event, and nothing reads it. A VPN user, and
 * a VM snapshot on primary storage without bytes, end at the clock of a run, which is not kept: only whether
 * they have ended counts.
 */
export function compareHelpers(
  name: TableName,
  wanted: readonly WantedHelper[],
  stored: readonly StoredHelper[],
  uniqueKeys: readonly UniqueKey[],
): HelperFinding[] {
  const table = intervalTables[name];
  const [resource, end] = helperColumns[name];
  const at = (column: string) => table.columns.findIndex((one) => one.name === column);
  const ignored = [at('domain_id')];
  const endsAtRun = ({ cells }: { cells: StoredHelper['cells'] }) =>
    name === 'vpnUser' || (name === 'snapshotOnPrimary' && cells[at('physicalsize')] === '0');
  const content = (row: { cells: StoredHelper['cells'] }) =>
    textOf(row.cells, ignored, endsAtRun(row) ? at(end) : -1);
  const beginning = (row: { cells: StoredHelper['cells'] }) =>
    textOf(row.cells, [...ignored, at(end)], -1);

  const findings: HelperFinding[] = [];
  const taken = new Set<string>();
  const storable = wanted.filter((row) => {
    const why = unfit(table, row) ?? unstorableBeside(table, row, uniqueKeys, taken);
    if (why !== null) findings.push({ kind: 'unstorable', table: table.name, wanted: row, why });
    return why === null;
  });
  const equal = pairUp(storable, stored, content);
  const changed = pairUp(equal.wanted, equal.stored, beginning);
  for (const pair of changed.pairs) {
    const isLost = pair.row.cells[at(end)] === null && pair.wanted.cells[at(end)] !== null;
    findings.push({ kind: isLost ? 'lost-close' : 'helper-differs', table: table.name, ...pair });
  }
  for (const one of changed.wanted)
    findings.push({ kind: 'lost-open', table: table.name, wanted: one });
  const known = new Set(wanted.map(({ cells }) => cells[at(resource)]));
  for (const row of changed.stored)
    findings.push({
      kind: known.has(row.cells[at(resource)]) ? 'helper-surplus' : 'helper-unfounded',
      ...{ table: table.name, row },
    });
  return findings;
}

function pairUp(
  wanted: readonly WantedHelper[],
  stored: readonly StoredHelper[],
  key: (row: { cells: StoredHelper['cells'] }) => string,
) {
  const candidates = Map.groupBy(stored, key);
  const pairs: { row: StoredHelper; wanted: WantedHelper }[] = [];
  const left: WantedHelper[] = [];
  for (const one of wanted) {
    const row = candidates.get(key(one))?.shift();
    if (row === undefined) left.push(one);
    else pairs.push({ row, wanted: one });
  }
  const paired = new Set(pairs.map(({ row }) => row));
  return { pairs, wanted: left, stored: stored.filter((row) => !paired.has(row)) };
}

const textOf = (cells: StoredHelper['cells'], ignored: readonly number[], presence: number) =>
  JSON.stringify(
    cells.map((cell, at) => (ignored.includes(at) ? null : at === presence ? cell === null : cell)),
  );

/** Why a table cannot hold a row; null when it can. */
function unfit(table: HelperTable, row: WantedHelper): string | null {
  for (const [at, column] of table.columns.entries()) {
    const cell = row.cells[at] ?? null;
    if (cell === null && column.isRequired) return `${column.name} is NULL`;
    if (cell !== null && column.length !== null && cell.length > column.length)
      return `${column.name} is longer than ${column.length} characters`;
    if (cell !== null && column.type === 'text' && /[\u{10000}-\u{10FFFF}]/u.test(cell))
      return `${column.name} has a character that utf8mb3 does not have`;
  }
  return null;
}

/** Which unique key a row breaks beside those before it; it is added to `taken` when it breaks none. */
function unstorableBeside(
  table: HelperTable,
  row: WantedHelper,
  uniqueKeys: readonly UniqueKey[],
  taken: Set<string>,
): string | null {
  const texts: string[] = [];
  for (const { name, columns } of uniqueKeys) {
    // account_id, which is no cell, is the same for all of them.
    const own = columns.map(
      (column) => row.cells[table.columns.findIndex((c) => c.name === column)],
    );
    // A NULL is never a duplicate.
    if (own.includes(null)) continue;
    const text = JSON.stringify([name, ...own]);
    if (taken.has(text)) return `two rows with equal ${columns.join(', ')} (unique key ${name})`;
    texts.push(text);
  }
  for (const text of texts) taken.add(text);
  return null;
}
