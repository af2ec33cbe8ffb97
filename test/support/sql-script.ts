import { parseSqlDateTime } from '../../src/contracts/time.ts';

/** A row as the database holds it after a statement; NULL is null, all else is text. */
export type SqlRow = Readonly<Record<string, string | null>>;

/** The content of one row after it was inserted or changed, with the commit time of the change. */
export interface SqlChange {
  readonly atMs: number;
  /** Without the schema. */
  readonly table: string;
  readonly row: SqlRow;
}

/**
 * Plays a script of INSERT, INSERT … ON DUPLICATE KEY UPDATE and UPDATE … WHERE id = statements on
 * rows in memory, each committed by itself at the time of the last SET TIMESTAMP. Rows are known by
 * their `id`. A row that is deleted leaves what was read of it. Anything else in the script must be a SET, a
 * comment line, or the begin or end of a transaction.
 */
export function playSqlScript(script: string): SqlChange[] {
  const tables = new Map<string, Map<string, SqlRow>>();
  const changes: SqlChange[] = [];
  let atMs = 0;
  for (const statement of statements(script)) {
    const time = /^SET TIMESTAMP\s*=\s*(\d+)$/i.exec(statement);
    if (time) atMs = Number(time[1]) * 1000;
    else if (!silent.test(statement))
      for (const change of apply(statement, tables)) changes.push({ atMs, ...change });
  }
  return changes;
}

/** Statements that change no row. */
const silent = /^(SET |(BEGIN|COMMIT|START TRANSACTION)$)/i;

type Tables = Map<string, Map<string, SqlRow>>;
type Change = Omit<SqlChange, 'atMs'>;

const insertForm = /^INSERT INTO (?:cloud\.)?(\w+) \(([^)]*)\)\s+VALUES\s*([^]*)$/i;
const updateForm = /^UPDATE (?:cloud\.)?(\w+) SET ([^]*) WHERE id\s*=\s*(\d+)$/i;
const deleteForm = /^DELETE FROM (?:cloud\.)?(\w+) WHERE id\s*=\s*(\d+)$/i;
const onDuplicate = /\)\s*ON DUPLICATE KEY UPDATE /i;

function apply(statement: string, tables: Tables): Change[] {
  const update = updateForm.exec(statement);
  if (update) {
    const [, table = '', sets = '', id = ''] = update;
    const values = Object.fromEntries(
      split(sets, ',').map((set) => {
        const [column = '', value = ''] = split(set, '=');
        return [column, literal(value)];
      }),
    );
    return [put(tables, table, { ...rowsOf(tables, table).get(id), ...values, id })];
  }
  const deletion = deleteForm.exec(statement);
  if (deletion) {
    const [, table = '', id = ''] = deletion;
    rowsOf(tables, table).delete(id);
    return [];
  }
  const insert = insertForm.exec(statement);
  if (!insert) throw new Error(`not understood: ${statement.slice(0, 80)}`);
  const [, table = '', columnList = '', rest = ''] = insert;
  const columns = columnList.split(',').map((column) => column.trim());
  const [tuples = '', updates] = rest.split(onDuplicate);
  const updated = updates?.split(',').map((set) => set.slice(0, set.indexOf('=')).trim());
  return tuplesOf(updates === undefined ? tuples : `${tuples})`).map((tuple) => {
    const cells = split(tuple, ',').map(literal);
    const row = Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? null]));
    const before = rowsOf(tables, table).get(row['id'] ?? '');
    if (before === undefined) return put(tables, table, row);
    if (updated === undefined) throw new Error(`duplicate id in ${table}: ${row['id']}`);
    const next = Object.fromEntries(updated.map((column) => [column, row[column] ?? null]));
    return put(tables, table, { ...before, ...next });
  });
}

function put(tables: Tables, table: string, row: SqlRow): Change {
  rowsOf(tables, table).set(row['id'] ?? '', row);
  return { table, row };
}

function rowsOf(tables: Tables, table: string): Map<string, SqlRow> {
  const rows = tables.get(table) ?? new Map<string, SqlRow>();
  tables.set(table, rows);
  return rows;
}

/** The insides of `(…),(…)`. */
const tuplesOf = (text: string): string[] =>
  split(text, ',').map((tuple) => tuple.replace(/^\(/, '').replace(/\)$/, ''));

function literal(text: string): string | null {
  if (text.toUpperCase() === 'NULL') return null;
  if (!text.startsWith("'")) return text;
  return text.slice(1, -1).replaceAll(/''|\\(.)/g, (_, escaped?: string) => escaped ?? "'");
}

/** A script without the lines that are comments. */
export const withoutComments = (script: string): string => script.replaceAll(/^\s*(--|#).*$/gm, '');

const statements = (script: string): string[] =>
  split(withoutComments(script), ';').filter((s) => s !== '');

/** Splits at a character that is outside quotes and parentheses; the parts are trimmed. */
function split(text: string, at: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === '\\') i++;
    else if (char === "'") quoted = !quoted;
    else if (!quoted && char === '(') depth++;
    else if (!quoted && char === ')') depth--;
    else if (!quoted && depth === 0 && char === at) {
      parts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  parts.push(text.slice(from).trim());
  return parts;
}

/** A DATETIME cell as epoch ms; null for NULL. @throws Error when it is no date. */
export function sqlMs(cell: string | null | undefined): number | null {
  if (cell === null || cell === undefined) return null;
  const ms = parseSqlDateTime(cell);
  if (ms === null) throw new Error(`not a date: ${cell}`);
  return ms;
}
