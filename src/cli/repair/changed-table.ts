import { AppError } from '../../platform/errors.ts';
import { mysqlCode, quoteName } from '../../platform/mysql.ts';
import type { RepairConnection } from './repair-connection.ts';
import type { UndoFile } from './undo-file.ts';

type Cell = string | number | null;

/** A table that a repair changes, by ids; each change is written to the undo file before it is made. */
export class ChangedTable {
  readonly #work: RepairConnection;
  readonly #undo: UndoFile;
  readonly #schema: string;
  readonly #name: string;
  readonly #quoted: string;
  #columns: readonly string[] | null = null;

  constructor(work: RepairConnection, undo: UndoFile, schema: string, name: string) {
    this.#work = work;
    this.#undo = undo;
    this.#schema = schema;
    this.#name = name;
    this.#quoted = quoteName(schema, name);
  }

  /**
   * @param condition Must hold for all of them.
   * @throws REPAIR_CONFLICT when it does not, or one of them is gone: another changed the table
   */
  async delete(ids: readonly string[], condition = 'TRUE'): Promise<void> {
    await this.#keep(ids);
    const deleted = await this.#work.run(
      `DELETE FROM ${this.#quoted} WHERE id IN (?) AND ${condition}`,
      [ids],
    );
    this.#check(deleted, ids.length);
  }

  /** Sets columns of a row. @throws REPAIR_CONFLICT when it is gone */
  async update(id: string, cells: Readonly<Record<string, Cell>>): Promise<void> {
    await this.#keep([id]);
    await this.#undo.remove(`DELETE FROM ${this.#quoted} WHERE id = ${digits(id)}`);
    const columns = Object.keys(cells);
    const changed = await this.#work.run(
      `UPDATE ${this.#quoted} SET ${columns.map((column) => `${quoteName(column)} = ?`).join(', ')}
       WHERE id = ?`,
      [...columns.map((column) => cells[column]), id],
    );
    this.#check(changed, 1);
  }

  /** Sets one column of many rows from one value to another. @throws REPAIR_CONFLICT */
  async mark(ids: readonly string[], column: string, from: number, to: number): Promise<void> {
    const name = quoteName(column);
    await this.#undo.restore(
      `UPDATE ${this.#quoted} SET ${name} = ${from} WHERE id IN (${ids.map(digits).join(',')})`,
    );
    const changed = await this.#work.run(
      `UPDATE ${this.#quoted} SET ${name} = ? WHERE id IN (?) AND ${name} = ?`,
      [to, ids, from],
    );
    this.#check(changed, ids.length);
  }

  /** Adds rows. @returns how many a unique key did not let in */
  async insert(columns: readonly string[], rows: readonly (readonly Cell[])[]): Promise<number> {
    try {
      await this.#insert(columns, rows);
      return 0;
    } catch (error) {
      if (mysqlCode(error) !== 'ER_DUP_ENTRY') throw error;
      if (rows.length === 1) return 1;
    }
    let refused = 0;
    for (const row of rows) refused += await this.insert(columns, [row]);
    return refused;
  }

  async #insert(columns: readonly string[], rows: readonly (readonly Cell[])[]): Promise<void> {
    const added = await this.#work.insert(
      `INSERT INTO ${this.#quoted} (${columns.map((column) => quoteName(column)).join(', ')}) VALUES ?`,
      [rows],
    );
    const ids = added.map(digits);
    await this.#undo.remove(`DELETE FROM ${this.#quoted} WHERE id IN (${ids.join(',')})`);
  }

  /** Writes rows to the undo file as they are, locked against others. */
  async #keep(ids: readonly string[]): Promise<void> {
    const columns = await this.#columnNames();
    const cells = columns.map((column) => `QUOTE(${column})`).join(', ');
    const rows = await this.#work.rows(
      `SELECT CONCAT('(', CONCAT_WS(',', ${cells}), ')') AS line FROM ${this.#quoted}
       WHERE id IN (?) ORDER BY id FOR UPDATE`,
      [ids],
    );
    this.#check(rows.length, ids.length);
    await this.#undo.restore(
      `INSERT INTO ${this.#quoted} (${columns.join(', ')}) VALUES\n${rows
        .map((row) => String(row['line']))
        .join(',\n')}`,
    );
  }

  async #columnNames(): Promise<readonly string[]> {
    if (this.#columns === null) {
      const rows = await this.#work.rows(
        `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
         WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
        [this.#schema, this.#name],
      );
      this.#columns = rows.map((row) => quoteName(String(row['name'])));
    }
    return this.#columns;
  }

  #check(found: number, expected: number): void {
    if (found !== expected)
      throw new AppError('REPAIR_CONFLICT', { table: this.#name, found, expected });
  }
}

/** An id as it is written into the undo file. @throws RangeError when it is none */
function digits(id: string): string {
  if (!/^\d+$/.test(id)) throw new RangeError(`not an id: ${id}`);
  return id;
}
