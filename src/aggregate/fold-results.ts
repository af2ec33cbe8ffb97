import type { Anomaly, Refused } from '../contracts/fold.ts';
import { sqlDateTime } from '../contracts/time.ts';
import type { EpochMs, Window } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import type { Correction } from '../domain/correction.ts';
import type { AccountEntry } from './account-entry.ts';
import { correctionRow, insertCorrection, toCorrectionId } from './correction-row.ts';
import { writeDeadLetters } from './dead-letter.ts';
import type { DeadLetter } from './dead-letter.ts';
import { insertHelperChange } from './helper-changes.ts';
import { insertRecord, recordRow } from './record-row.ts';
import { list, multiRow, quote } from './sql-text.ts';
import type { PartitionStore } from './store.ts';
import type { Tally } from './tally.ts';

/** UTF-16 units that are gathered before they are sent. */
const flushLength = 512 * 1024;

/** The same of states: they wait longer, because a later window of the same transaction replaces them. */
const stateFlushLength = 8 * 1024 * 1024;

/** Where in the feed a window is closed. */
export interface FoldPlace {
  readonly nextOffset: number;
  /** The same of the close before: late events from here on are new. */
  readonly closedOffset: number;
  /** Of a repair, where the feed is now. */
  readonly repairedAt?: number;
}

/** What folds produced, on its way into the tables in large statements. */
export class FoldResults {
  readonly #store: PartitionStore;
  readonly #tally: Tally;
  #length = 0;
  #stateLength = 0;
  readonly #dateTimes = new Map<EpochMs, string>();
  #records: string[] = [];
  #corrections: string[] = [];
  /** Rows for the sink, should it have to refuse an amend. */
  #held: string[] = [];
  /** By account: of several windows only the newest state need be written. */
  #states = new Map<string, string>();
  #anomalies: string[] = [];
  #helperChanges: string[] = [];
  #refused: Refused[] = [];
  #broken: { readonly letter: DeadLetter; readonly window: Window }[] = [];

  constructor(store: PartitionStore, tally: Tally) {
    this.#store = store;
    this.#tally = tally;
  }

  /** @throws RangeError when a row does not fit the table; nothing of these rows is kept then. */
  addRows(window: Window, rows: readonly UsageRow[]): void {
    const { generation, partition } = this.#store;
    const tuples = rows.map((row) => recordRow(generation, partition, window, row, this.#dateTime));
    for (const tuple of tuples) {
      this.#records.push(tuple);
      this.#length += tuple.length;
    }
    for (const row of rows) this.#tally.add('row', String(row.usageType));
  }

  /**
   * @param window The window that is being closed: it takes the appended rows.
   * @throws RangeError as {@link addRows}
   */
  addCorrections(window: Window, corrections: readonly Correction[]): void {
    const { generation, partition } = this.#store;
    const tuples = corrections.map((correction) => {
      const { row } = correction;
      const kind = toCorrectionId(correction);
      const appended =
        row === null ? null : recordRow(generation, partition, window, row, this.#dateTime, kind);
      const ledger = correctionRow(generation, partition, window, correction);
      return { appended, ledger, isHeld: correction.action === 'amend' };
    });
    for (const { appended, ledger, isHeld } of tuples) {
      if (appended !== null) (isHeld ? this.#held : this.#records).push(appended);
      this.#corrections.push(ledger);
      this.#length += ledger.length + (appended?.length ?? 0);
    }
    for (const { action, row } of corrections) {
      this.#tally.add('correction', action);
      if (row !== null && action === 'append') this.#tally.add('row', String(row.usageType));
    }
  }

  addState(entry: AccountEntry, text: string, window: Window): void {
    const { generation, partition } = this.#store;
    const tuple = `(${generation},${entry.id},${partition},${quote(text)},${window.endMs})`;
    this.#stateLength += tuple.length - (this.#states.get(entry.id)?.length ?? 0);
    this.#states.set(entry.id, tuple);
  }

  addAnomalies(window: Window, anomalies: readonly Anomaly[]): void {
    for (const { code, accountId, eventId, facts } of anomalies) {
      const tuple = `(${this.#store.generation},${accountId},${eventId ?? 0},${quote(code)},${
        window.startMs
      },${quote(JSON.stringify(facts).slice(0, 16_000))})`;
      this.#anomalies.push(tuple);
      this.#length += tuple.length;
      this.#tally.add('anomaly', code);
    }
  }

  /** @param tuples Row constructors of helper_change. */
  addHelperChanges(tuples: readonly string[]): void {
    for (const tuple of tuples) {
      this.#helperChanges.push(tuple);
      this.#length += tuple.length;
    }
  }

  addRefused(refused: readonly Refused[]): void {
    for (const one of refused) {
      this.#refused.push(one);
      this.#length += 1000;
      this.#tally.add('deadLetter', one.reason);
    }
  }

  /** The fold of an account threw: the account waits from this window on. */
  addBroken(
    entry: AccountEntry,
    window: Window,
    { nextOffset, closedOffset: lateFrom, repairedAt }: FoldPlace,
    error: unknown,
  ): void {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const problem = said.slice(0, 8000);
    const windowStartMs = window.startMs;
    const facts = { accountId: entry.id, windowStartMs, lateFrom, closedAt: nextOffset, problem };
    const key = Buffer.from(entry.id);
    const reason = 'FOLD_BUG';
    const offset = repairedAt ?? nextOffset;
    const letter = { offset, reason, accountId: entry.id, facts, key, value: null } as const;
    this.#broken.push({ letter, window });
    this.#tally.add('deadLetter', 'FOLD_BUG');
  }

  readonly #dateTime = (ms: EpochMs): string => {
    const known = this.#dateTimes.get(ms);
    if (known !== undefined) return known;
    const text = sqlDateTime(ms);
    this.#dateTimes.set(ms, text);
    return text;
  };

  async flushWhenLarge(): Promise<void> {
    if (this.#length >= flushLength) await this.flush();
    if (this.#stateLength >= stateFlushLength) await this.flushStates();
  }

  /** Before a commit, and before a state is read back. */
  async flushStates(): Promise<void> {
    await this.#insert(
      `INSERT INTO account_state (generation, account_id, partition_id, state, folded_until_ms) VALUES`,
      [...this.#states.values()],
      'ON DUPLICATE KEY UPDATE state=VALUES(state), folded_until_ms=VALUES(folded_until_ms)',
    );
    this.#states = new Map();
    this.#stateLength = 0;
  }

  /** Writes all but the states. */
  async flush(): Promise<void> {
    await this.#insert(insertRecord.head, this.#records, insertRecord.tail);
    await this.#insert(insertCorrection.head, this.#corrections, insertCorrection.tail);
    await this.#insert(
      insertRecord.head.replace(' record ', ' held_record '),
      this.#held,
      insertRecord.tail,
    );
    await this.#insert(
      `INSERT IGNORE INTO anomaly (generation, account_id, event_id, code, window_start_ms, facts) VALUES`,
      this.#anomalies,
      '',
    );
    await this.#insert(insertHelperChange.head, this.#helperChanges, insertHelperChange.tail);
    await this.#writeRefused();
    await this.#writeBroken();
    this.#records = [];
    this.#corrections = [];
    this.#held = [];
    this.#anomalies = [];
    this.#helperChanges = [];
    this.#refused = [];
    this.#broken = [];
    this.#dateTimes.clear();
    this.#length = 0;
  }

  async #insert(head: string, rows: readonly string[], tail: string): Promise<void> {
    for (const { sql } of multiRow(head, rows, tail, this.#store.statementLimit))
      await this.#store.run(sql);
  }

  /** A refused event's dead letter holds its feed record, so that it can be sent again. */
  async #writeRefused(): Promise<void> {
    for (let at = 0; at < this.#refused.length; at += 500) {
      const page = this.#refused.slice(at, at + 500);
      const bodies = await this.#store.rows<{ feed_offset: string; body: string }>(
        `SELECT feed_offset, body FROM event FORCE INDEX (identity)
         WHERE generation=${this.#store.generation} AND partition_id=${this.#store.partition}
           AND event_id IN ${list(page.map(({ event }) => event.id))}`,
      );
      const byOffset = new Map(bodies.map((row) => [Number(row.feed_offset), row.body]));
      const letters = page.map(({ event, reason, facts }): DeadLetter => {
        const body = byOffset.get(event.feedOffset);
        return {
          offset: event.feedOffset,
          reason,
          accountId: '0',
          facts: { ...facts, eventId: event.id, eventType: event.type },
          key: Buffer.from(event.accountId),
          value: body === undefined ? null : Buffer.from(body),
        };
      });
      await writeDeadLetters(this.#store, letters);
    }
  }

  async #writeBroken(): Promise<void> {
    await writeDeadLetters(
      this.#store,
      this.#broken.map(({ letter }) => letter),
    );
    for (const { letter, window } of this.#broken)
      await this.#store.run(
        `UPDATE account_state SET incomplete_from_ms=${window.startMs}
         WHERE generation=${this.#store.generation} AND account_id=${letter.accountId}`,
      );
  }
}
