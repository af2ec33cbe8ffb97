import type { Account, Bucket, Counter, Template, UsageEvent } from './feed-record.ts';
import type { AccountId, EventId } from './ids.ts';
import type { DeadLetterReason } from './error-codes.ts';
import type { EpochMs, Window } from './time.ts';

/** A stored usage event as the fold takes it: joined with its details, with the offset that brought it. */
export interface FoldEvent extends UsageEvent {
  readonly feedOffset: number;
  /** Details in id order; a name may occur more than once. */
  readonly details: readonly { readonly name: string; readonly value: string }[];
}

/** Last content, committed by the model run time, of what billing reads beside events. */
export interface AccountFacts {
  /** null while no account row is known: events of it are then refused (UNKNOWN_ACCOUNT). */
  readonly account: Account | null;
  readonly counters: readonly Counter[];
  readonly templates: readonly Template[];
  readonly buckets: readonly Bucket[];
}

export const anomalyCodes = {
  CLOSE_WITHOUT_OPEN: 'a closing event found nothing open',
  DOUBLE_OPEN: 'an opening event found the resource open already',
  EVENT_REFUSED:
    'an event that its rule cannot use: a dead letter says why, nothing else is touched',
  EVENT_ID_CONFLICT:
    'an event came again with other content: a dead letter holds it, and the first one counts',
  END_BEFORE_START: 'an interval ended before it began; it bills nothing',
  OPEN_UNDER_OTHER_ACCOUNT: 'a resource is open under two accounts',
  COUNTER_RESET: 'a total went down; the lower value is the new base',
  LATE_EVENT: 'an event arrived after its window was closed',
  LATE_DETAIL: 'a detail of an event arrived after the event was folded',
  CORRECTION_BEYOND_REACH:
    'an event is so late that what it changes is only written down, by `--correct-back`',
  SETTING_NOT_APPLIED:
    'a setting of the cloud differs from what the generation was made with, and has no effect on it',
  UNBILLED_EVENT_TYPE: 'the management server writes this type but nothing is billed for it',
  UNKNOWN_EVENT_TYPE: 'a type that CloudStack 4.23 does not write',
  HELPER_ROW_SKIPPED:
    "a row that CloudStack's helper table cannot hold was left out of it; what is billed is not touched",
} as const;
export type AnomalyCode = keyof typeof anomalyCodes;

/** Something odd in the input that was handled by rule, recorded so that it can be looked at. */
export interface Anomaly {
  readonly code: AnomalyCode;
  readonly accountId: AccountId;
  readonly eventId: EventId | null;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/** An event that its type's rule cannot use; it alone is refused. */
export interface Refused {
  readonly event: FoldEvent;
  readonly reason: DeadLetterReason;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/** What the cloud's operator chose, fixed for a generation. */
export interface BillingSettings {
  /** usage.snapshot.virtualsize.select */
  readonly snapshotVirtualSize: boolean;
}

export interface FoldWindow extends Window {
  /** Window end + close delay: the "now" of every rule that reads a clock. */
  readonly runMs: EpochMs;
  /** The windows that its rows are of, where they are not its own: they abut and are together the window. */
  readonly billedAs?: readonly Window[];
}
