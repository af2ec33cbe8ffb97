import type { AccountFacts, Anomaly, FoldEvent, Refused } from '../contracts/fold.ts';
import { compareU64, u64 } from '../contracts/ids.ts';
import type { U64 } from '../contracts/ids.ts';
import type { Window } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import type { AccountState } from './account-state.ts';
import type { Growth } from './counters.ts';
import { meaningOf } from './event-rules.ts';
import type { Refusal } from './event-rule.ts';
import { changedIntervals, nextIntervals } from './kept-intervals.ts';
import type { ChangedIntervals } from './kept-intervals.ts';
import { Ledger } from './ledger.ts';
import type { LedgerInput } from './ledger.ts';
import { bucketRows } from './meters/bucket.ts';
import { countedRows } from './meters/counted.ts';
import { diskIo } from './meters/disk-io.ts';
import { intervalRows } from './meters/interval-rows.ts';
import { networkBytes } from './meters/network-bytes.ts';
import { closePublicTemplates, isBilled } from './removed-account.ts';
import type { RowContext } from './usage-row-form.ts';

export interface FoldInput extends LedgerInput {
  /** In any order; all created before the window's end. Those created before its start are late. */
  readonly events: readonly FoldEvent[];
}

export interface FoldOutput {
  readonly state: AccountState;
  readonly rows: readonly UsageRow[];
  readonly anomalies: readonly Anomaly[];
  readonly refused: readonly Refused[];
  /** Intervals that this fold opened, changed or closed, as they are now: what helper tables miss. */
  readonly changed: ChangedIntervals;
  /** What every counter of the account has grown by, 0 included; none for an account that is not billed. */
  readonly growth: { readonly network: readonly Growth[]; readonly disk: readonly Growth[] };
}

/**
 * Folds one window of one account: its state, the events of the window and what else was known at
 * the run time make the rows of the window and the next state.
 *
 * Events count in the order of (created, id). One that its type's rule cannot use is refused alone.
 * A late one acts at its own time on the state: later windows are right, what was published before
 * is not changed by it.
 *
 * Windows must be folded in ascending order, each with the state that the one before returned; the
 * input is not changed.
 * @throws Error only for a fault of this program.
 */
export function fold(input: FoldInput): FoldOutput {
  const { state, window, quirks } = input;
  const facts = inIdOrder(input.facts);
  const ledger = new Ledger({ ...input, facts });
  const refused = applyEvents(ledger, input.events);
  const domainId = domainOf(input);

  let bases = { networkBases: state.networkBases, diskBases: state.diskBases };
  const rows: UsageRow[] = [];
  let growth: FoldOutput['growth'] = { network: [], disk: [] };
  const { firstPublicTemplateOnly } = quirks;
  if (!firstPublicTemplateOnly) closePublicTemplates(ledger, facts);
  if (ledger.isAccountKnown && isBilled(facts, window, quirks)) {
    const own = { accountId: state.accountId, domainId: domainId ?? noDomain, quirks };
    const contextOf = (part: Window): RowContext => ({
      ...own,
      window: { ...part, runMs: window.runMs },
    });
    const parts = window.billedAs ?? [window];
    const last = contextOf(parts.at(-1) ?? window);
    // What counters have grown by is known at the run time: it is of the newest window.
    const network = countedRows(
      networkBytes,
      last,
      facts.counters,
      state.networkBases,
      ledger.findings,
    );
    const disk = countedRows(diskIo, last, facts.counters, state.diskBases, ledger.findings);
    bases = { networkBases: network.bases, diskBases: disk.bases };
    growth = { network: network.growth, disk: disk.growth };
    for (const part of parts.slice(0, -1)) {
      const ctx = contextOf(part);
      const ofPart = [...intervalRows(ledger, ctx), ...bucketRows(ctx, facts)];
      // A key is one row of a window.
      rows.push(...ofPart.map((row) => ({ ...row, key: `${row.key}@${part.startMs}` })));
      if (firstPublicTemplateOnly) closePublicTemplates(ledger, facts);
    }
    const ofLast = [...intervalRows(ledger, last), ...network.rows, ...disk.rows];
    rows.push(...ofLast, ...bucketRows(last, facts));
    if (firstPublicTemplateOnly) closePublicTemplates(ledger, facts);
  }
  return {
    state: {
      accountId: state.accountId,
      domainId,
      nextSerial: ledger.nextSerial,
      intervals: nextIntervals(ledger),
      ...bases,
    },
    rows,
    anomalies: ledger.findings.all(),
    refused,
    changed: changedIntervals(ledger),
    growth,
  };
}

/** CloudStack allows an account without domain but not a usage row without one. */
const noDomain: U64 = u64('0');

function domainOf({ state, facts, quirks }: FoldInput): U64 | null {
  const now = facts.account?.domainId ?? null;
  return quirks.domainFrozen ? (state.domainId ?? now) : (now ?? state.domainId);
}

function applyEvents(ledger: Ledger, events: readonly FoldEvent[]): Refused[] {
  const refused: Refused[] = [];
  const ordered = events.toSorted((a, b) => a.createdMs - b.createdMs || compareU64(a.id, b.id));
  for (const event of ordered) {
    const refusal = applyEvent(ledger, event);
    if (refusal === null) continue;
    refused.push({ event, ...refusal });
    ledger.note('EVENT_REFUSED', event, { reason: refusal.reason });
  }
  return refused;
}

function applyEvent(ledger: Ledger, event: FoldEvent): Refusal | null {
  const meaning = meaningOf(event.type);
  if (meaning === 'ignored') return null;
  if (meaning === 'unbilled' || meaning === 'unknown') {
    const code = meaning === 'unbilled' ? 'UNBILLED_EVENT_TYPE' : 'UNKNOWN_EVENT_TYPE';
    ledger.note(code, event, {});
    return null;
  }
  const refusal = meaning(ledger, event);
  if (refusal !== undefined) return refusal;
  if (event.createdMs < ledger.window.startMs)
    ledger.note('LATE_EVENT', event, { createdMs: event.createdMs });
  return null;
}

/** Facts come in any order; rules that read several of them count by id. */
const inIdOrder = (facts: AccountFacts): AccountFacts => ({
  ...facts,
  counters: facts.counters.toSorted((a, b) => compareU64(a.id, b.id)),
});
