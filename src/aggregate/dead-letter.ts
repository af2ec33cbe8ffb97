import type { DeadLetterReason } from '../contracts/error-codes.ts';
import { binary, multiRow, quote } from './sql-text.ts';
import type { PartitionStore } from './store.ts';

/** A record, or the fold of an account, that was refused. */
export interface DeadLetter {
  readonly offset: number;
  readonly reason: DeadLetterReason;
  /** Decimal id for the fold of an account, of which several may fail at one offset; else '0'. */
  readonly accountId: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Longest facts and key that their columns take. */
const factsLength = 16_000;
const keyBytes = 1024;

/** Writes dead letters in the transaction that passes their offset; one that stands already stays. */
export async function writeDeadLetters(
  store: PartitionStore,
  letters: readonly DeadLetter[],
): Promise<void> {
  const rows = letters.map((letter) => toRow(store, letter));
  for (const { sql } of multiRow(
    `INSERT IGNORE INTO dead_letter (generation, partition_id, feed_offset, reason, account_id, facts,
       record_key, record_value) VALUES`,
    rows,
    '',
    store.statementLimit,
  ))
    await store.run(sql);
}

function toRow(store: PartitionStore, letter: DeadLetter): string {
  const { value } = letter;
  const isKept = value === null || value.length <= store.maxValueBytes;
  const facts = isKept ? letter.facts : { ...letter.facts, droppedBytes: value.length };
  const json = JSON.stringify(facts);
  const text = json.length <= factsLength ? json : JSON.stringify({ cut: json.slice(0, 8000) });
  return `(${store.generation},${store.partition},${letter.offset},${quote(letter.reason)},${
    letter.accountId
  },${quote(text)},${binary(letter.key?.subarray(0, keyBytes) ?? null)},${binary(
    isKept ? value : null,
  )})`;
}
