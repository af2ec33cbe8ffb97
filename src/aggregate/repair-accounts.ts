import type { AccountId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import { nextWindow, windowOf } from '../domain/window.ts';
import type { AccountEntry } from './account-entry.ts';
import { foldAccounts } from './close-windows.ts';
import type { CloseContext } from './close-windows.ts';
import { forgetCloses, readCloses } from './closed-window.ts';
import type { FoldResults } from './fold-results.ts';
import { loadAccounts } from './load-accounts.ts';
import { list } from './sql-text.ts';
import type { PartitionStore, Progress } from './store.ts';

/** Accounts of the partition whose waiting windows an operator wants folded. */
export async function readRepairs(store: PartitionStore): Promise<AccountId[]> {
  const rows = await store.rows<{ account_id: AccountId }>(
    `SELECT account_id FROM account_repair WHERE ${ofPartition(store)} ORDER BY account_id`,
  );
  return rows.map((row) => row.account_id);
}

/**
 * Folds the windows that an account missed since its fold threw, in order, in the open transaction: those
 * that its partition has closed, each with the events that it would have had, and late ones with the corrections
 * that they would have made. Accounts, templates and counters count as they are now. An account whose
 * fold throws again waits from that window on.
 */
export async function repairAccounts(
  context: CloseContext,
  accounts: readonly AccountId[],
  progress: Progress,
): Promise<void> {
  const { store, results, book } = context;
  for (const id of accounts) {
    await repairAccount(context, results, id, progress);
    await context.pause();
  }
  await store.run(
    `DELETE FROM account_repair WHERE ${ofPartition(store)} AND account_id IN ${list(accounts)}`,
  );
  if (!book.inOrder().some(({ incomplete }) => incomplete)) await forgetCloses(store);
}

async function repairAccount(
  context: CloseContext,
  results: FoldResults,
  id: AccountId,
  progress: Progress,
): Promise<void> {
  const { store, book, rules } = context;
  const { closedUntilMs } = progress;
  const entry = book.get(id);
  const waiting = entry && (await readWaiting(store, id));
  if (!waiting || closedUntilMs === null) return;
  entry.incomplete = false;
  let closedOffset = waiting.lateFrom;
  const closes = await readCloses(store, waiting.fromMs);
  for (
    let window = windowOf(waiting.fromMs, rules.window);
    window.endMs <= closedUntilMs && !entry.incomplete;
    window = nextWindow(window, rules.window)
  ) {
    // What is not noted was closed by an older version: then all that came since counts.
    const nextOffset =
      window.startMs === waiting.fromMs && waiting.closedAt !== null
        ? waiting.closedAt
        : (closes.get(window.startMs) ?? progress.closedOffset);
    const then = { closedUntilMs: window.startMs, closedOffset, nextOffset };
    const place = { closedOffset, nextOffset, repairedAt: progress.nextOffset };
    // The tables alone tell what had come by then.
    entry.pending = null;
    entry.details = null;
    if (window.startMs === waiting.fromMs) book.release(entry);
    await loadAccounts({ ...context, ...then }, [entry], window);
    await foldAccounts(context, results, [entry], window, place);
    closedOffset = nextOffset;
    await store.run(
      `INSERT IGNORE INTO repaired_window (generation, window_start_ms, account_id)
       VALUES (${store.generation},${window.startMs},${id})`,
    );
    await context.pause();
  }
  await results.flush();
  await results.flushStates();
  book.release(entry);
  if (entry.incomplete) return;
  await store.run(
    `UPDATE account_state SET incomplete_from_ms=NULL WHERE generation=${store.generation} AND account_id=${id}`,
  );
  // What came for open windows meanwhile is in the tables alone.
  forget(entry);
}

function forget(entry: AccountEntry): void {
  entry.quiet = false;
  entry.oldestPendingMs = -Infinity;
}

interface Waiting {
  /** Start of the first window that was not folded. */
  readonly fromMs: EpochMs;
  /** Late events from this offset on were in no fold before it. */
  readonly lateFrom: number;
  /** Where in the feed that window was closed; null when that is not known. */
  readonly closedAt: number | null;
}

async function readWaiting(store: PartitionStore, id: AccountId): Promise<Waiting | null> {
  const [state] = await store.rows<{ from_ms: string | null }>(
    `SELECT incomplete_from_ms AS from_ms FROM account_state
     WHERE generation=${store.generation} AND account_id=${id}`,
  );
  if (state?.from_ms == null) return null;
  const [letter] = await store.rows<{ facts: string }>(
    `SELECT facts FROM dead_letter WHERE ${ofPartition(store)} AND reason='FOLD_BUG'
       AND account_id=${id} ORDER BY id DESC LIMIT 1`,
  );
  const facts = JSON.parse(letter?.facts ?? '{}') as { lateFrom?: number; closedAt?: number };
  const { lateFrom = 0, closedAt = null } = facts;
  return { fromMs: Number(state.from_ms), lateFrom, closedAt };
}

const ofPartition = (store: PartitionStore): string =>
  `generation=${store.generation} AND partition_id=${store.partition}`;
