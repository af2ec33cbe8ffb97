import type { EpochMs, Window } from '../contracts/time.ts';
import { encodeState } from '../domain/account-state.ts';
import type { CloudRules } from '../domain/cloud-rules.ts';
import type { CorrectionRules } from '../domain/correction.ts';
import type { fold as domainFold } from '../domain/fold.ts';
import { foldWindow } from '../domain/fold-window.ts';
import type { QuirkSet } from '../domain/quirks.ts';
import { isClosed, nextWindow, windowOf } from '../domain/window.ts';
import type { WindowSpec } from '../domain/window.ts';
import { crashPoint } from '../platform/crash-points.ts';
import type { AccountBook } from './account-book.ts';
import type { AccountEntry, PendingEvent } from './account-entry.ts';
import type { BaseEvents } from './base-events.ts';
import { correctLate } from './correct-late.ts';
import type { FoldPlace, FoldResults } from './fold-results.ts';
import { helperTuples } from './helper-changes.ts';
import type { Limits } from './limits.ts';
import { joinDetails } from './join-details.ts';
import type { DueEvents } from './join-details.ts';
import { loadAccounts } from './load-accounts.ts';
import { noteClose } from './closed-window.ts';
import type { PartitionStore, Progress } from './store.ts';
import type { Tally } from './tally.ts';

/** How a generation folds. */
export interface FoldRules extends CloudRules {
  readonly quirks: QuirkSet;
  readonly fold: typeof domainFold;
  /** Whether a Java usage server's helper tables are kept. */
  readonly helperTables: boolean;
  /** What corrections may do; the default bills what is missing. */
  readonly corrections?: CorrectionRules;
}

export interface CloseContext {
  readonly rules: FoldRules;
  readonly store: PartitionStore;
  readonly book: AccountBook;
  readonly tally: Tally;
  /** Of the whole transaction: its states are written before the commit, once for all windows. */
  readonly results: FoldResults;
  readonly limits: Limits;
  /** Events that are in the states that the generation began with. */
  readonly before: BaseEvents;
  /** Whether the cloud's quota is on: then no published row may be changed. */
  readonly isQuotaOn: () => boolean;
  /** Called between pages: keeps the session alive, lets others run. @throws to give up. */
  readonly pause: () => Promise<void>;
  /** Whether so much was written, or so long, that it is to be committed where that leaves nothing half done. */
  readonly isLarge: () => boolean;
  /** Commits what was written so far and begins anew. Called where that leaves nothing half done. */
  readonly split: (progress: Progress) => Promise<void>;
}

/** The first window that is not closed; null before anything was seen. */
function firstOpen({ closedUntilMs, openedMs }: Progress, spec: WindowSpec): Window | null {
  const from = closedUntilMs ?? openedMs;
  return from === null ? null : windowOf(from, spec);
}

/**
 * When the watermark makes the next close due, epoch ms. Before the first close that is also the moment
 * when all windows before the first one are: a partition that begins later says so and holds up nobody.
 */
export function nextCloseMs(
  progress: Progress,
  { window: spec, closeDelayMs }: FoldRules,
): EpochMs {
  const open = firstOpen(progress, spec);
  if (open === null) return Infinity;
  return (progress.closedUntilMs === null ? open.startMs : open.endMs) + closeDelayMs;
}

/**
 * Closes every window that the watermark has passed, in order: folds each account that has something,
 * and writes rows, states, anomalies and dead letters in the open transaction. A very large close is split:
 * the window counts as closed only in the last part, and what a lost part before it did is known by the
 * account's folded_until_ms or comes out the same again.
 *
 * @param progress With the watermark that is to be closed up to.
 * @returns progress with the windows closed.
 */
export async function closeWindows(context: CloseContext, progress: Progress): Promise<Progress> {
  const { rules, store, tally, results } = context;
  let now = progress;
  let window = firstOpen(now, rules.window);
  if (window === null || now.watermarkMs === null) return now;
  if (now.closedUntilMs === null && now.watermarkMs >= window.startMs + rules.closeDelayMs)
    now = { ...now, closedUntilMs: window.startMs, closedOffset: now.nextOffset };
  for (let count = 1; isClosed(window, now.watermarkMs ?? 0, rules.closeDelayMs); count++) {
    await closeWindow(context, results, now, window);
    if (context.book.inOrder().some(({ incomplete }) => incomplete))
      await noteClose(store, window, now.nextOffset);
    crashPoint('aggregate.window-folded');
    now = { ...now, closedUntilMs: window.endMs, closedOffset: now.nextOffset };
    tally.add('window');
    window = nextWindow(window, rules.window);
    if (context.isLarge()) await split(context, now);
    if (count % 500 === 0) await context.pause();
  }
  await results.flush();
  return now;
}

async function closeWindow(
  context: CloseContext,
  results: FoldResults,
  progress: Progress,
  window: Window,
): Promise<void> {
  const { book, limits } = context;
  const { closedUntilMs, closedOffset, nextOffset } = progress;
  let due: readonly AccountEntry[] = book.inOrder().filter((entry) => isDue(entry, window));
  while (due.length > 0) {
    const page = due.slice(0, limits.pageAccounts);
    if (page.some((entry) => entry.state === null)) await results.flushStates();
    const load = { ...context, closedUntilMs, closedOffset, nextOffset };
    const ready = page.slice(0, await loadAccounts(load, page, window));
    await foldAccounts(context, results, ready, window, { nextOffset, closedOffset });
    due = due.slice(ready.length);
    if (book.isOver) {
      // What is let go of is read from the tables next time: they must have it.
      await results.flush();
      book.trim();
    }
    if (context.isLarge()) await split(context, progress);
    await context.pause();
  }
}

async function split({ results, split: commit }: CloseContext, progress: Progress): Promise<void> {
  await results.flush();
  await results.flushStates();
  await commit(progress);
}

/** Corrects and folds one window of accounts that are loaded. */
export async function foldAccounts(
  context: CloseContext,
  results: FoldResults,
  accounts: readonly AccountEntry[],
  window: Window,
  place: FoldPlace,
): Promise<void> {
  const taken = accounts.map((entry) => takeDue(entry, window));
  await joinDetails(context.store, taken, window.startMs, place.nextOffset);
  for (const one of await correctLate(context, results, taken, window, place)) {
    foldAccount(context, results, one, window, place);
    await results.flushWhenLarge();
  }
  for (const { entry } of taken) context.book.measure(entry);
}

const isDue = (entry: AccountEntry, window: Window): boolean =>
  !entry.incomplete &&
  entry.foldedUntilMs < window.endMs &&
  !(entry.quiet && entry.oldestPendingMs >= window.endMs);

/** Takes the events of the window, and late ones, out of what waits. */
function takeDue(entry: AccountEntry, window: Window): DueEvents {
  const waiting = entry.pending ?? [];
  const events: PendingEvent[] = [];
  const rest: PendingEvent[] = [];
  let oldest = Infinity;
  for (const event of waiting) {
    if (event.createdMs < window.endMs) events.push(event);
    else {
      rest.push(event);
      if (event.createdMs < oldest) oldest = event.createdMs;
    }
  }
  entry.pending = entry.isPart ? null : rest;
  entry.oldestPendingMs = entry.isPart ? -Infinity : oldest;
  entry.isPart = false;
  return { entry, events };
}

/** Folds one window of an account, whose fold alone fails if it throws. */
function foldAccount(
  { rules, book, store }: Pick<CloseContext, 'rules' | 'book' | 'store'>,
  results: FoldResults,
  { entry, events }: DueEvents,
  window: Window,
  place: FoldPlace,
): void {
  const { state, facts } = entry;
  if (state === null || facts === null) throw new Error(`account ${entry.id} was not loaded`);
  try {
    const folded = rules.fold({
      state: state.value,
      window: foldWindow(window, { ...rules, spec: rules.window }),
      events,
      facts: facts.view(),
      quirks: rules.quirks,
      settings: rules.settings,
    });
    const text = encodeState(folded.state);
    results.addRows(window, folded.rows);
    results.addAnomalies(window, folded.anomalies);
    results.addRefused(folded.refused);
    if (rules.helperTables) {
      const fresh = facts.takeFresh();
      results.addHelperChanges(helperTuples(store, window, entry, folded, events, fresh));
    }
    const hasChanged = text !== state.text;
    if (hasChanged) {
      results.addState(entry, text, window);
      entry.state = { value: folded.state, text };
      entry.foldedUntilMs = window.endMs;
    }
    const { rows, anomalies, refused, growth } = folded;
    const grown = rules.helperTables ? growth.network.length + growth.disk.length : 0;
    entry.quiet =
      !hasChanged && events.length + rows.length + anomalies.length + refused.length + grown === 0;
  } catch (error) {
    // Whatever it was, it is this account's: the others of the partition must not wait for it.
    results.addBroken(entry, window, place, error);
    entry.incomplete = true;
    book.release(entry);
  }
}
