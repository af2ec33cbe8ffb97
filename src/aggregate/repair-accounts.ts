import type { AccountId } from '../contracts/ids.ts';
import type { EpochMs, Window } from '../contracts/time.ts';
import { nextWindow, windowOf } from '../domain/window.ts';
import { toPending } from './account-entry.ts';
import type { AccountEntry, PendingEvent } from './account-entry.ts';
import { foldAccount } from './close-windows.ts';
import type { CloseContext } from './close-windows.ts';
import { FoldResults } from './fold-results.ts';
import { joinDetails } from './join-details.ts';
import { loadAccounts } from './load-accounts.ts';
import type { UsageEventRecord } from './parse-record.ts';
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
 * that its partition has closed. Events count as they were when these closed; accounts, templates and
 * counters as they are now. An account whose fold throws again waits from that window on.
 */
export async function repairAccounts(
  context: CloseContext,
  accounts: readonly AccountId[],
  progress: Progress,
): Promise<void> {
  const { store, tally } = context;
  const results = new FoldResults(store, tally);
  for (const id of accounts) {
    await repairAccount(context, results, id, progress);
    await context.pause();
  }
  await store.run(
    `DELETE FROM account_repair WHERE ${ofPartition(store)} AND account_id IN ${list(accounts)}`,
  );
}

async function repairAccount(
  context: CloseContext,
  results: FoldResults,
  id: AccountId,
  progress: Progress,
): Promise<void> {
  const { store, book, rules } = context;
  const { closedUntilMs, closedOffset, nextOffset } = progress;
  const entry = book.get(id);
  const waiting = entry && (await readWaiting(store, id));
  if (!waiting || closedUntilMs === null) return;
  book.release(entry);
  entry.incomplete = false;
  const { fromMs, lateFrom } = waiting;
  for (
    let window = windowOf(fromMs, rules.window);
    window.endMs <= closedUntilMs && !entry.incomplete;
    window = nextWindow(window, rules.window)
  ) {
    entry.pending = [];
    await loadAccounts({ ...context, ...progress }, [entry], window);
    const isFirst = window.startMs === fromMs;
    const events = await readEvents(store, id, window, closedOffset, isFirst ? lateFrom : null);
    entry.details = null;
    await joinDetails(store, [{ entry, events }], window.startMs, nextOffset);
    foldAccount(context, results, { entry, events }, window, {
      offset: nextOffset,
      lateFrom: isFirst ? lateFrom : closedOffset,
    });
    await store.run(
      `INSERT IGNORE INTO repaired_window (generation, window_start_ms, account_id)
       VALUES (${store.generation},${window.startMs},${id})`,
    );
    await results.flushWhenLarge();
  }
  await results.flush();
  if (entry.incomplete) return;
  await store.run(
    `UPDATE account_state SET incomplete_from_ms=NULL WHERE generation=${store.generation} AND account_id=${id}`,
  );
  // What came for open windows meanwhile is in the tables alone.
  book.release(entry);
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
  const { lateFrom } = JSON.parse(letter?.facts ?? '{}') as { lateFrom?: number };
  return { fromMs: Number(state.from_ms), lateFrom: lateFrom ?? 0 };
}

/** Events of the window, and for the first of them the late ones that were in no fold. */
async function readEvents(
  store: PartitionStore,
  id: AccountId,
  window: Window,
  closedOffset: number,
  lateFrom: number | null,
): Promise<PendingEvent[]> {
  const late =
    lateFrom === null
      ? ''
      : `OR (late=1 AND feed_offset >= ${lateFrom} AND created_ms < ${window.startMs})`;
  const rows = await store.rows<{ feed_offset: string; body: string }>(
    `SELECT feed_offset, body FROM event FORCE INDEX (PRIMARY)
     WHERE generation=${store.generation} AND account_id=${id} AND feed_offset < ${closedOffset}
       AND ((created_ms >= ${window.startMs} AND created_ms < ${window.endMs}) ${late})`,
  );
  return rows.map((row) => {
    const { event, origin } = JSON.parse(row.body) as UsageEventRecord;
    return toPending(event, origin.incarnation, Number(row.feed_offset));
  });
}

const ofPartition = (store: PartitionStore): string =>
  `generation=${store.generation} AND partition_id=${store.partition}`;
