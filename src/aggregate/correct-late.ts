import type { Window } from '../contracts/time.ts';
import { hasRule } from '../domain/event-rules.ts';
import type { PendingEvent } from './account-entry.ts';
import type { CloseContext } from './close-windows.ts';
import { correctAccount, RefoldFault } from './correct-account.ts';
import type { FoldOutput } from '../domain/fold.ts';
import { helperReset, helperTuples, lateEventTuples } from './helper-changes.ts';
import type { FoldResults } from './fold-results.ts';
import type { DueEvents } from './join-details.ts';
import type { Progress } from './store.ts';
import { StoredHistory } from './stored-history.ts';

/**
 * Corrects what late events show to have been wrong, before a window is folded: the account's state becomes
 * the one that it would have had, and only the events of the window itself are left for its fold.
 * A window counts as published as soon as it is closed, whether the sink has come to it or not.
 *
 * @param due Accounts of which state and facts are loaded.
 * @returns what is left to fold, without the accounts whose past could not be folded: they wait for a repair.
 */
export async function correctLate(
  context: CloseContext,
  results: FoldResults,
  due: readonly DueEvents[],
  window: Window,
  progress: Progress,
): Promise<readonly DueEvents[]> {
  const left: DueEvents[] = [];
  let isFlushed = false;
  for (const one of due) {
    const late = one.events.filter(({ createdMs }) => createdMs < window.startMs);
    if (!late.some(({ type }) => hasRule(type))) {
      left.push(one);
      continue;
    }
    // What this transaction has yet to write is published too.
    if (!isFlushed) await results.flush();
    isFlushed = true;
    const folded = await correctOne(context, results, one, late, window, progress);
    if (folded !== null) left.push(folded);
  }
  return left;
}

async function correctOne(
  context: CloseContext,
  results: FoldResults,
  { entry, events }: DueEvents,
  late: readonly PendingEvent[],
  window: Window,
  { nextOffset, closedOffset }: Progress,
): Promise<DueEvents | null> {
  const { store, book, limits, pause } = context;
  const { state, facts, id } = entry;
  if (state === null || facts === null) throw new Error(`account ${id} was not loaded`);
  const { window: spec, ...rules } = context.rules;
  const past = { ...rules, spec, live: state.value, facts: facts.view() };
  const history = new StoredHistory({
    store,
    accountId: id,
    untilMs: window.startMs,
    nextOffset,
    pageEvents: limits.pageEvents,
    pause,
  });
  try {
    const made: string[] = [];
    const onFold = (output: FoldOutput) => {
      made.push(...helperTuples(store, window, entry, output, [], []));
    };
    const corrected = await correctAccount(
      {
        ...past,
        late,
        current: window,
        ...(context.rules.helperTables ? { onFold } : {}),
      },
      history,
    );
    if (context.rules.helperTables)
      results.addHelperChanges([
        helperReset(store, window, entry, state.value.nextSerial),
        ...lateEventTuples(store, window, entry, late),
        ...made,
      ]);
    addAll(results, window, corrected.corrections);
    results.addRefused(corrected.refused);
    results.addAnomalies(window, corrected.anomalies);
    // The text stays: it tells whether what is stored has to be written anew.
    entry.state = { value: corrected.state, text: state.text };
    const inTime = events.filter(({ createdMs }) => createdMs >= window.startMs);
    return { entry, events: inTime };
  } catch (error) {
    if (!(error instanceof RefoldFault)) throw error;
    results.addBroken(entry, window, { offset: nextOffset, lateFrom: closedOffset }, error.cause);
    entry.incomplete = true;
    book.release(entry);
    return null;
  }
}

function addAll(
  results: FoldResults,
  window: Window,
  corrections: Parameters<FoldResults['addCorrections']>[1],
): void {
  try {
    results.addCorrections(window, corrections);
  } catch (cause) {
    throw new RefoldFault('a correction does not fit its table', { cause });
  }
}
