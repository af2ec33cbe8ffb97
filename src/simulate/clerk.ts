import type { Counter, UsageEvent } from '../contracts/feed-record.ts';
import type { AccountId, EventId, U64, ZoneId } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { Random } from './random.ts';
import type { EventDraft, Statement } from './statement.ts';
import type { Numbered } from './world.ts';

/** Statements that commit together, in order. */
export interface PlannedTransaction {
  readonly commitMs: EpochMs;
  readonly tx: number;
  readonly statements: readonly Statement[];
}

const maxLagMs = 240_000;
const slowClockMs = 2_000;

/**
 * The management server's pen: gives what the actors do ids, whole-second times and commit times.
 *
 * Ids are given when a row is written; commits come milliseconds to four minutes later, so that ids
 * arrive out of order. Every third account is served by a server whose clock is two seconds behind.
 */
export class Clerk {
  readonly #random: Random;
  readonly #id: (of: Numbered) => U64;
  #tx = 0;

  constructor(random: Random, id: (of: Numbered) => U64) {
    this.#random = random;
    this.#id = id;
  }

  /** One transaction of setup rows, without lag. */
  setUp(commitMs: EpochMs, make: (at: { commitMs: EpochMs; tx: number }) => Statement[]) {
    const tx = this.#tx++;
    return { commitMs, tx, statements: make({ commitMs, tx }) };
  }

  /** The transaction of new totals. */
  measure(atMs: EpochMs, counter: Counter): PlannedTransaction {
    const at = { commitMs: atMs + this.#random.whole(5, 800), tx: this.#tx++ };
    return { ...at, statements: [{ ...at, kind: 'counter', counter }] };
  }

  /** The transaction of some events, and one for each of their details, soon after. */
  record(atMs: EpochMs, drafts: readonly EventDraft[]): PlannedTransaction[] {
    const at = { commitMs: atMs + this.#lag(), tx: this.#tx++ };
    const statements = drafts.map((draft): Statement & { kind: 'event' } => {
      const details = Object.entries(draft.details ?? {}).map(([name, value]) => ({ name, value }));
      return { ...at, kind: 'event', event: this.#event(atMs, draft), details };
    });
    const later = statements.flatMap(({ event, details }) =>
      this.#details(at.commitMs, event, details),
    );
    return [{ ...at, statements }, ...later];
  }

  #details(
    commitMs: EpochMs,
    event: UsageEvent,
    details: readonly { name: string; value: string }[],
  ): PlannedTransaction[] {
    const slow = this.#random.chance(0.1) ? 5_000 : 30;
    let lastMs = commitMs;
    return details.map(({ name, value }) => {
      lastMs += this.#random.whole(1, slow);
      const at = { commitMs: lastMs, tx: this.#tx++ };
      const detail = {
        id: this.#id('detail'),
        eventId: event.id,
        accountId: event.accountId,
        name,
        value,
      };
      return { ...at, statements: [{ ...at, kind: 'detail', detail }] };
    });
  }

  #lag(): number {
    const dice = this.#random.next();
    if (dice < 0.8) return this.#random.whole(5, 800);
    if (dice < 0.95) return this.#random.whole(1_000, 10_000);
    return Math.min(maxLagMs, 10_000 + Math.round(this.#random.wait(40_000)));
  }

  #event(atMs: EpochMs, draft: EventDraft): UsageEvent {
    const behind = BigInt(draft.accountId) % 3n === 2n ? slowClockMs : 0;
    return {
      id: this.#id('event') as EventId,
      type: draft.type,
      accountId: draft.accountId as AccountId,
      createdMs: Math.floor((atMs - behind) / 1000) * 1000,
      zoneId: draft.zoneId as ZoneId,
      resourceId: draft.resourceId,
      resourceName: draft.resourceName ?? null,
      offeringId: draft.offeringId ?? null,
      templateId: draft.templateId ?? null,
      size: draft.size ?? null,
      resourceType: draft.resourceType ?? null,
      virtualSize: draft.virtualSize ?? null,
      vmId: draft.vmId ?? null,
    };
  }
}
