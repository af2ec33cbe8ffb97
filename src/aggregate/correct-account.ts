import type { Anomaly, FoldEvent, Refused } from '../contracts/fold.ts';
import type { EpochMs, Window } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import type { AccountState } from '../domain/account-state.ts';
import { correctionsOf } from '../domain/correction.ts';
import type { FoldOutput } from '../domain/fold.ts';
import type { Correction, CorrectionRules, LateEvent, Published } from '../domain/correction.ts';
import { defaultCorrections } from '../domain/correction.ts';
import { hasRule } from '../domain/event-rules.ts';
import { Refold } from '../domain/refold.ts';
import type { RefoldSetup } from '../domain/refold.ts';
import { windowOf } from '../domain/window.ts';

/** What an account's past is read through. */
export interface History {
  /** Time of the next event; Infinity when there is none. */
  nextMs(): Promise<EpochMs>;
  /** The next events in the order of (created, id), all that were created before `endMs`. */
  takeUntil(endMs: EpochMs): Promise<readonly FoldEvent[]>;
  /** What is published of each of these windows, by natural key, in their order. */
  published(windows: readonly Window[]): Promise<readonly ReadonlyMap<string, Published>[]>;
  /** Called now and then. @throws to give up. */
  pause(): Promise<void>;
}

export interface AccountPast extends RefoldSetup {
  /** The window that is being closed. */
  readonly current: Window;
  /** Is told of the base state, then of every fold of the past, in order. */
  readonly onFold?: (output: PastFold) => void;
  /** Events created before `current` that no fold has had, or not with all their details. */
  readonly late: readonly LateEvent[];
  readonly corrections?: CorrectionRules;
}

/** What a fold of the past made of intervals and counters. */
export type PastFold = Pick<FoldOutput, 'state' | 'changed' | 'growth'>;

export interface Corrected {
  /** The state at the end of the window before `current`, with the late events in it. */
  readonly state: AccountState;
  readonly corrections: readonly Correction[];
  /** Late events that their type's rule cannot use. */
  readonly refused: readonly Refused[];
  /** What the late events brought to light, and that they were late. */
  readonly anomalies: readonly Anomaly[];
}

/** The fold threw: a fault of this account alone. */
export class RefoldFault extends Error {}

/** Windows that are compared by one query. */
const comparedAtOnce = 64;

/**
 * Folds an account's past, from its base state or oldest event on, again with its late events, each at its
 * true time, and finds what differs from what is published, from the window of the oldest late event on.
 *
 * @throws RefoldFault with the cause; what `history` throws.
 */
export async function correctAccount(past: AccountPast, history: History): Promise<Corrected> {
  const { late, current, spec, live, base = null, corrections: rules = defaultCorrections } = past;
  const lateIds = new Set(late.map((event) => event.id));
  const oldestMs = late.reduce((oldest, { createdMs }) => Math.min(oldest, createdMs), Infinity);
  const wantedMs = windowOf(oldestMs, spec).startMs;
  const refold = new Refold(past);
  const corrections: Correction[] = [];
  const refused: Refused[] = [];
  const anomalies: Anomaly[] = [];
  let unequal: { readonly window: Window; readonly rows: readonly UsageRow[] }[] = [];
  const compare = async () => {
    const published = await history.published(unequal.map(({ window }) => window));
    for (const [at, { window, rows }] of unequal.entries()) {
      const stands = published[at] ?? new Map<string, Published>();
      const { accountId } = live;
      corrections.push(
        ...correctionsOf({ accountId, window, current, rows, published: stands, late, rules }),
      );
    }
    unequal = [];
  };
  let steps = 0;
  if (base)
    past.onFold?.({
      state: refold.state,
      changed: refold.state.intervals,
      growth: { network: [], disk: [] },
    });
  const first = windowOf(base?.startMs ?? (await history.nextMs()), spec);
  for (let window = first; window.startMs < current.startMs; steps++) {
    const events = await history.takeUntil(window.endMs);
    const output = guarded(() => refold.step(window, events));
    past.onFold?.(output);
    refused.push(...output.refused.filter(({ event }) => lateIds.has(event.id)));
    anomalies.push(
      ...output.anomalies.filter(({ eventId, code }) => {
        const isOfLate = eventId !== null && lateIds.has(eventId);
        return isOfLate && code !== 'LATE_EVENT';
      }),
    );
    if (window.startMs >= wantedMs) unequal.push({ window, rows: output.rows });
    if (unequal.length === comparedAtOnce) await compare();
    if (steps % 200 === 199) await history.pause();
    window = refold.next(window, await history.nextMs(), wantedMs);
  }
  await compare();
  const isRefused = new Set(refused.map(({ event }) => event.id));
  const reachMs = current.startMs - rules.reachMs;
  const isBeyond = ({ createdMs }: LateEvent) => windowOf(createdMs, spec).startMs < reachMs;
  const used = late.filter(({ id, type }) => hasRule(type) && !isRefused.has(id));
  return {
    state: refold.state,
    corrections,
    refused,
    anomalies: [
      ...anomalies,
      ...used.map((event) => lateness(event)),
      ...used.filter(isBeyond).map((event) => lateness(event, 'CORRECTION_BEYOND_REACH')),
    ],
  };
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new RefoldFault('refold failed', { cause });
  }
}

const lateness = (
  event: LateEvent,
  code: Anomaly['code'] = event.isDetailOnly === true ? 'LATE_DETAIL' : 'LATE_EVENT',
): Anomaly => {
  const { id, accountId, type, resourceId, createdMs } = event;
  return { code, accountId, eventId: id, facts: { type, resourceId, createdMs } };
};
