import type { Window } from '../contracts/time.ts';
import { defaultCorrections } from '../domain/correction.ts';
import { hasRule } from '../domain/event-rules.ts';
import { eventKey } from './account-entry.ts';
import type { PendingEvent } from './account-entry.ts';
import { readBaseState } from './base-state.ts';
import type { CloseContext } from './close-windows.ts';
import { correctAccount, RefoldFault } from './correct-account.ts';
import type { PastFold } from './correct-account.ts';
import { helperReset, helperTuples, lateEventTuples } from './helper-changes.ts';
import type { FoldPlace, FoldResults } from './fold-results.ts';
import type { DueEvents } from './join-details.ts';
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
  place: FoldPlace,
): Promise<readonly DueEvents[]> {
  const left: DueEvents[] = [];
  let isFlushed = false;
  for (const one of due) {
    const late = withoutTwins(one.events.filter(({ createdMs }) => createdMs < window.startMs));
    if (!late.some(({ type }) => hasRule(type))) {
      left.push(one);
      continue;
    }
    // What this transaction has yet to write is published too.
    if (!isFlushed) await results.flush();
    isFlushed = true;
    const folded = await correctOne(context, results, one, late, window, place);
    if (folded !== null) left.push(folded);
  }
  return left;
}

/** An event that is late itself and by its details, or by several of them, counts once. */
function withoutTwins(late: readonly PendingEvent[]): readonly PendingEvent[] {
  if (!late.some(({ isDetailOnly }) => isDetailOnly)) return late;
  const byKey = new Map<string, PendingEvent>();
  for (const event of late) {
    const key = eventKey(event.incarnation, event.id);
    if (!event.isDetailOnly || !byKey.has(key)) byKey.set(key, event);
  }
  return [...byKey.values()];
}

async function correctOne(
  context: CloseContext,
  results: FoldResults,
  { entry, events }: DueEvents,
  allLate: readonly PendingEvent[],
  window: Window,
  place: FoldPlace,
): Promise<DueEvents | null> {
  const { store, book, limits, pause, tally, before } = context;
  const { state, facts, id } = entry;
  if (state === null || facts === null) throw new Error(`account ${id} was not loaded`);
  const inTime = events.filter(({ createdMs }) => createdMs >= window.startMs);
  const base = await readBaseState(store, id);
  const late = allLate.filter((event) => !before.has(event)); // a late detail of one
  tally.add('event', 'before-base', allLate.length - late.length);
  // Nothing of ours is published yet that could be wrong.
  if (late.length === 0 || (base !== null && window.startMs <= base.startMs))
    return { entry, events: [...late, ...inTime] };
  const { window: spec, corrections = defaultCorrections, ...rules } = context.rules;
  const isBarred = corrections.mode === 'amend' && context.isQuotaOn();
  const past = {
    ...rules,
    corrections: isBarred ? { ...corrections, mode: 'append' as const } : corrections,
    spec,
    base,
    live: state.value,
    facts: facts.view(),
  };
  const history = new StoredHistory({
    store,
    accountId: id,
    from: base === null ? null : { startMs: base.startMs, before },
    untilMs: window.startMs,
    nextOffset: place.nextOffset,
    pageEvents: limits.pageEvents,
    pause,
  });
  try {
    const made: string[] = [];
    const onFold = (output: PastFold) => {
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
    return { entry, events: inTime };
  } catch (error) {
    if (!(error instanceof RefoldFault)) throw error;
    results.addBroken(entry, window, place, error.cause);
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
