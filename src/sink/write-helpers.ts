import type { Window } from '../contracts/time.ts';
import { helperTables, resetTable } from '../domain/helper-tables.ts';
import type { HelperTable } from '../domain/helper-tables.ts';
import { mysqlCode, quoteName } from '../platform/mysql.ts';
import { copyEvents } from './copy-events.ts';
import { cells, changesOf, fits, mapped, names, refresh, refreshReduced } from './helper-sql.ts';
import type { Session } from './session.ts';
import type { StoreTables } from './store-tables.ts';

/** What a publication did to the tables that a Java usage server needs to go on, by table. */
export type HelperCounts = ReadonlyMap<string, { readonly rows: number; readonly skipped: number }>;

export interface HelperContext {
  readonly work: Session;
  readonly t: StoreTables;
  readonly cloudUsageSchema: string;
  readonly generation: number;
}

/**
 * Writes what the closes up to `window` changed into CloudStack's helper tables, copies of events,
 * accounts and statistics, inside the caller's transaction and inside the server, and forgets the changes.
 * Changes are totals of their rows, applied in the order of windows: applying them again changes nothing.
 * New ids ascend by (account, serial).
 *
 * A row that CloudStack's table cannot hold (a unique key is taken, NULL where none may be, a text too
 * long) is left out of it for good and noted as anomaly HELPER_ROW_SKIPPED; the rest is written.
 *
 * @throws STORE_*
 */
export async function writeHelpers(context: HelperContext, window: Window): Promise<HelperCounts> {
  const { work, t, generation } = context;
  const parts = await work.rows(
    `SELECT window_start_ms, table_name, COUNT(*) AS n FROM ${t.helperChange}
     WHERE generation = ? AND window_start_ms <= ? GROUP BY window_start_ms, table_name
     ORDER BY window_start_ms`,
    [generation, window.startMs],
  );
  const counts = new Map<string, { rows: number; skipped: number }>();
  if (parts.length === 0) return counts;
  const sizes = Map.groupBy(parts, (part) => Number(part['window_start_ms']));
  const bases = await highestIds(
    context,
    parts.map((part) => String(part['table_name'])).filter((name) => name !== resetTable),
  );
  for (const [startMs, tables] of sizes) {
    const sizeOf = new Map(tables.map((one) => [String(one['table_name']), Number(one['n'])]));
    if (sizeOf.has(resetTable)) await forgetIntervals(context, startMs);
    for (const table of helperTables) {
      const size = sizeOf.get(table.name);
      if (size === undefined) continue;
      const part = new Part(context, table, startMs, size, bases);
      const skipped = await part.write();
      const before = counts.get(table.name) ?? { rows: 0, skipped: 0 };
      counts.set(table.name, {
        rows: before.rows + size - skipped,
        skipped: before.skipped + skipped,
      });
    }
  }
  const events = await copyEvents(context, window);
  if (events > 0) counts.set('usage_event', { rows: events, skipped: 0 });
  await forgetChanges(context, window);
  return counts;
}

/** Deletes the changes of the windows up to this one. */
export async function forgetChanges(
  { work, t, generation }: Omit<HelperContext, 'cloudUsageSchema'>,
  window: Window,
): Promise<void> {
  await work.run(`DELETE FROM ${t.helperChange} WHERE generation = ? AND window_start_ms <= ?`, [
    generation,
    window.startMs,
  ]);
}

/**
 * Deletes the intervals of accounts whose past was made again; what was made comes as changes. Rare, and
 * one account at a time.
 */
async function forgetIntervals(
  { work, t, cloudUsageSchema, generation }: HelperContext,
  startMs: number,
): Promise<void> {
  const resets = await work.rows(
    `SELECT account_id, serial FROM ${t.helperChange} AS c WHERE ${changesOf}`,
    [generation, startMs, resetTable],
  );
  for (const { account_id: account, serial } of resets)
    for (const { kind, name } of helperTables) {
      if (kind !== 'interval') continue;
      const old = 'generation = ? AND table_name = ? AND account_id = ? AND serial < ?';
      const scope = [generation, name, account, serial];
      const rows = await work.rows(
        `SELECT helper_id FROM ${t.helperRow} WHERE ${old} AND helper_id IS NOT NULL`,
        scope,
      );
      const ids = rows.map((row) => row['helper_id']);
      for (let at = 0; at < ids.length; at += idsAtOnce)
        await work.run(
          `DELETE FROM ${quoteName(cloudUsageSchema, name)} WHERE account_id = ? AND id IN (?)`,
          [account, ids.slice(at, at + idsAtOnce)],
        );
      await work.run(`DELETE FROM ${t.helperRow} WHERE ${old}`, scope);
    }
}

const idsAtOnce = 1000;

/** The changes of one table and window. */
class Part {
  readonly #work: Session;
  readonly #t: StoreTables;
  readonly #table: HelperTable;
  readonly #target: string;
  readonly #scope: readonly unknown[];
  readonly #size: number;
  readonly #bases: Map<string, bigint>;

  constructor(
    { work, t, cloudUsageSchema, generation }: HelperContext,
    table: HelperTable,
    startMs: number,
    size: number,
    bases: Map<string, bigint>,
  ) {
    this.#work = work;
    this.#t = t;
    this.#table = table;
    this.#target = quoteName(cloudUsageSchema, table.name);
    this.#scope = [generation, startMs, table.name];
    this.#size = size;
    this.#bases = bases;
  }

  /** @returns how many rows could not be stored */
  write(): Promise<number> {
    const { kind } = this.#table;
    if (kind === 'interval') return this.#writeIntervals();
    return kind === 'copy' ? this.#writeCopies() : this.#writeGrowth();
  }

  async #writeIntervals(): Promise<number> {
    const { helperChange, helperRow } = this.#t;
    const base = this.#bases.get(this.#table.name) ?? 0n;
    const numbered = await this.#run(
      `INSERT INTO ${helperRow} (generation, table_name, account_id, serial, helper_id)
       SELECT c.generation, c.table_name, c.account_id, c.serial,
         CAST(? AS UNSIGNED) + ROW_NUMBER() OVER (ORDER BY c.account_id, c.serial)
       FROM ${helperChange} AS c LEFT JOIN ${mapped(this.#t)}
       WHERE ${changesOf} AND h.serial IS NULL`,
      [String(base)],
    );
    this.#bases.set(this.#table.name, base + BigInt(numbered));
    if (numbered < this.#size)
      await this.#refresh(
        `UPDATE IGNORE ${helperChange} AS c STRAIGHT_JOIN ${mapped(this.#t)}
         STRAIGHT_JOIN ${this.#target} AS t ON t.id = h.helper_id AND t.account_id = c.account_id
         STRAIGHT_JOIN ${cells(this.#table)}`,
        `WHERE h.helper_id <= CAST(? AS UNSIGNED) AND ${fits(this.#table)} AND ${changesOf}`,
        [String(base)],
      );
    if (numbered === 0) return 0;
    const stored = await this.#run(
      `INSERT IGNORE INTO ${this.#target} (id, account_id, ${names(this.#table)})
       SELECT h.helper_id, c.account_id, ${names(this.#table, 'j.')}
       FROM ${helperChange} AS c STRAIGHT_JOIN ${mapped(this.#t)} STRAIGHT_JOIN ${cells(this.#table)}
       WHERE h.helper_id > CAST(? AS UNSIGNED) AND ${fits(this.#table)} AND ${changesOf}
       ORDER BY h.helper_id`,
      [String(base)],
    );
    if (stored === numbered) return 0;
    const missing = `${helperChange} AS c STRAIGHT_JOIN ${mapped(this.#t)}
      LEFT JOIN ${this.#target} AS t ON t.id = h.helper_id`;
    const isMissing = 'h.helper_id > CAST(? AS UNSIGNED) AND t.id IS NULL';
    await this.#note(missing, isMissing, [String(base)]);
    await this.#run(
      `UPDATE ${missing} SET h.helper_id = NULL WHERE ${isMissing} AND ${changesOf}`,
      [String(base)],
    );
    return numbered - stored;
  }

  async #writeCopies(): Promise<number> {
    const { helperChange } = this.#t;
    const known = await this.#refresh(
      `UPDATE IGNORE ${helperChange} AS c STRAIGHT_JOIN ${this.#target} AS t ON t.id = c.serial
       STRAIGHT_JOIN ${cells(this.#table)}`,
      `WHERE ${changesOf}`,
    );
    if (known === this.#size) return 0;
    const [own, account] =
      this.#table.name === 'account' ? ['', ''] : ['account_id, ', 'c.account_id, '];
    const isNew = `${helperChange} AS c LEFT JOIN ${this.#target} AS t ON t.id = c.serial`;
    const added = await this.#run(
      `INSERT IGNORE INTO ${this.#target} (id, ${own}${names(this.#table)})
       SELECT c.serial, ${account}${names(this.#table, 'j.')}
       FROM ${isNew} STRAIGHT_JOIN ${cells(this.#table)}
       WHERE t.id IS NULL AND ${fits(this.#table)} AND ${changesOf} ORDER BY c.serial`,
    );
    const skipped = this.#size - known - added;
    if (skipped > 0) await this.#note(isNew, 't.id IS NULL');
    return skipped;
  }

  async #writeGrowth(): Promise<number> {
    const { helperChange } = this.#t;
    const totals = this.#table.refreshed
      .map((name) => `${quoteName(name)} = VALUES(${quoteName(name)})`)
      .join(', ');
    const stored = await this.#run(
      `INSERT IGNORE INTO ${this.#target} (account_id, ${names(this.#table)})
       SELECT c.account_id, ${names(this.#table, 'j.')}
       FROM ${helperChange} AS c STRAIGHT_JOIN ${cells(this.#table)}
       WHERE ${fits(this.#table)} AND ${changesOf} ON DUPLICATE KEY UPDATE ${totals}`,
    );
    // A row that stood there counts otherwise; then, and when one does not fit, they are looked at.
    if (stored === this.#size) return 0;
    return this.#note(
      `${helperChange} AS c STRAIGHT_JOIN ${cells(this.#table)}`,
      `NOT ${fits(this.#table)}`,
    );
  }

  /** Notes changes that could not be stored. @returns how many of the notes are new */
  #note(from: string, where: string, values: readonly unknown[] = []): Promise<number> {
    return this.#run(
      `INSERT IGNORE INTO ${this.#t.anomaly}
         (generation, account_id, event_id, code, window_start_ms, facts)
       SELECT c.generation, c.account_id, c.event_id, 'HELPER_ROW_SKIPPED', c.window_start_ms,
         JSON_OBJECT('table', c.table_name, 'serial', c.serial, 'cells', c.body)
       FROM ${from} WHERE ${where} AND ${changesOf}`,
      values,
    );
  }

  /** @param values Of the placeholders before those of {@link changesOf}, which come last. */
  async #refresh(update: string, where: string, values: readonly unknown[] = []): Promise<number> {
    const run = (set: string) => this.#run(`${update} SET ${set} ${where}`, values);
    try {
      return await run(refresh(this.#table));
    } catch (error) {
      if (mysqlCode(error) !== 'ER_CANNOT_CONVERT_STRING') throw error;
      return run(refreshReduced(this.#table));
    }
  }

  async #run(sql: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.#work.run(sql, [...values, ...this.#scope])).matched;
  }
}

/**
 * Above these every id of an interval table is free: the newest row, what its counter has given out, and
 * what we have given out (a counter can be reset by TRUNCATE or a restored table).
 */
async function highestIds(
  { work, t, cloudUsageSchema }: HelperContext,
  changed: readonly string[],
): Promise<Map<string, bigint>> {
  const tables = helperTables
    .filter(({ name, kind }) => kind === 'interval' && changed.includes(name))
    .map(({ name }) => name);
  if (tables.length === 0) return new Map();
  const newest = tables.map(
    (name) => `SELECT '${name}' AS name, MAX(id) AS id FROM ${quoteName(cloudUsageSchema, name)}`,
  );
  const rows = await work.rows(
    `SELECT name, MAX(id) AS id FROM (${newest.join(' UNION ALL ')}
       UNION ALL SELECT TABLE_NAME, AUTO_INCREMENT - 1 FROM information_schema.TABLES
         WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?)
       UNION ALL SELECT table_name, MAX(helper_id) FROM ${t.helperRow}
         WHERE table_name IN (?) GROUP BY table_name) AS ids GROUP BY name`,
    [cloudUsageSchema, tables, tables],
  );
  return new Map(rows.map((row) => [String(row['name']), BigInt(String(row['id'] ?? 0))]));
}
