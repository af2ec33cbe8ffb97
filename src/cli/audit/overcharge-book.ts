import { formatAmount, shareOf } from '../../domain/audit-repair.ts';
import type { Overcharge } from '../../domain/audit-repair.ts';
import { quoteName } from '../../platform/mysql.ts';
import { isOutOfReach } from './read-cloud.ts';
import { text } from './read-history.ts';
import type { Reader } from './reader.ts';

/** What an account is owed for rows that quota should not have charged. */
export interface Credit {
  readonly accountId: string;
  readonly rows: number;
  /** In quota's currency, 8 decimals; null when quota_usage may not be read. */
  readonly amount: string | null;
}

/** quota_usage has no index by row: it is read once for this many rows. */
const rowsAtOnce = 20_000;

/** Adds up what quota took for rows that are too much, account by account. */
export class OverchargeBook {
  readonly #reader: Reader;
  readonly #table: string;
  readonly #units = new Map<string, { rows: number; units: bigint }>();
  #waiting = new Map<string, Overcharge & { readonly accountId: string }>();
  #isReadable = true;

  constructor(reader: Reader, schema: string) {
    this.#reader = reader;
    this.#table = quoteName(schema, 'quota_usage');
  }

  async add(rowId: string, accountId: string, overcharge: Overcharge): Promise<void> {
    this.#waiting.set(rowId, { ...overcharge, accountId });
    if (this.#waiting.size >= rowsAtOnce) await this.#look();
  }

  async credits(): Promise<Credit[]> {
    await this.#look();
    return Array.from(this.#units, ([accountId, { rows, units }]) => ({
      ...{ accountId, rows, amount: this.#isReadable ? formatAmount(units) : null },
    }));
  }

  async #look(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    if (waiting.size === 0) return;
    for (const { accountId } of waiting.values()) this.#book(accountId, 1, 0n);
    try {
      const rows = await this.#reader.rows(
        `SELECT usage_item_id AS id, CAST(SUM(quota_used) AS CHAR) AS used FROM ${this.#table}
         WHERE usage_item_id IN (?) GROUP BY usage_item_id`,
        [[...waiting.keys()]],
      );
      for (const row of rows) {
        const overcharge = waiting.get(text(row['id']));
        if (overcharge !== undefined)
          this.#book(overcharge.accountId, 0, shareOf(text(row['used']), overcharge));
      }
    } catch (error) {
      if (!isOutOfReach(error)) throw error;
      this.#isReadable = false;
    }
  }

  #book(accountId: string, rows: number, units: bigint): void {
    const before = this.#units.get(accountId) ?? { rows: 0, units: 0n };
    this.#units.set(accountId, { rows: before.rows + rows, units: before.units + units });
  }
}
