import type { Counter, EventDetail, UsageEvent } from '../contracts/feed-record.ts';
import type { U64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';

/** An account as the simulated management server knows it. */
export interface SimulatedAccount {
  readonly id: U64;
  readonly name: string;
  readonly uuid: string;
  readonly domainId: U64;
  readonly createdMs: EpochMs;
}

interface Committed {
  /** When the transaction commits; an event's `createdMs` is never later. */
  readonly commitMs: EpochMs;
  /** Statements of equal `tx` follow one another and commit together. */
  readonly tx: number;
}

/** One row that the management server writes to `cloud`. */
export type Statement = Committed &
  (
    | { readonly kind: 'zone'; readonly zone: { readonly id: U64; readonly name: string } }
    | { readonly kind: 'domain'; readonly domain: { readonly id: U64; readonly name: string } }
    | { readonly kind: 'account'; readonly account: SimulatedAccount }
    | { readonly kind: 'account-renamed'; readonly accountId: U64; readonly name: string }
    | {
        readonly kind: 'event';
        readonly event: UsageEvent;
        /** What its `detail` statements, which commit later, will hold. */
        readonly details: readonly { readonly name: string; readonly value: string }[];
      }
    | { readonly kind: 'detail'; readonly detail: EventDetail }
    | { readonly kind: 'counter'; readonly counter: Counter }
  );

/** What an actor says of an event: the columns that are not NULL. */
export interface EventDraft {
  readonly type: string;
  readonly accountId: U64;
  readonly zoneId: U64;
  readonly resourceId: U64;
  readonly resourceName?: string;
  readonly offeringId?: U64 | undefined;
  readonly templateId?: U64 | undefined;
  readonly size?: U64 | undefined;
  readonly resourceType?: string;
  readonly virtualSize?: U64 | undefined;
  readonly vmId?: U64 | undefined;
  /** Rows of usage_event_details, which commit after the event, each by itself. */
  readonly details?: Readonly<Record<string, string>> | undefined;
}

/** Where actors leave what they do; events of one call commit in one transaction. */
export interface Journal {
  write(atMs: EpochMs, ...events: readonly EventDraft[]): void;
  /** New totals of a statistics row, which is made when it is missing. */
  measure(atMs: EpochMs, counter: Counter): void;
}

/** Something in the cloud that lives and acts: a machine, an address, an account. */
export interface Actor {
  /** Acts at `nowMs`; returns when it acts next, or null when it is gone. */
  act(nowMs: EpochMs, journal: Journal): EpochMs | null;
}
