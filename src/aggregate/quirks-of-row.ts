import type { AccountId } from '../contracts/ids.ts';
import type { Window } from '../contracts/time.ts';
import type { UsageRow } from '../contracts/usage-row.ts';
import { decodeState, emptyState } from '../domain/account-state.ts';
import { fold } from '../domain/fold.ts';
import { quirkSet } from '../domain/quirks.ts';
import type { QuirkName, QuirkSet } from '../domain/quirks.ts';
import { Refold } from '../domain/refold.ts';
import { windowOf } from '../domain/window.ts';
import { FactSet } from './account-entry.ts';
import type { FactRecord } from './account-entry.ts';
import { BaseEvents } from './base-events.ts';
import { readBaseState } from './base-state.ts';
import type { MadeGeneration } from './made-generation.ts';
import type { StoreReader } from './store.ts';
import { StoredHistory } from './stored-history.ts';

const pageEvents = 5000;

/**
 * Which quirks of a generation make a row what it is: those without which it would be another, or none. The
 * account's stored events are read once, and folded with all quirks and with each left out.
 *
 * Late events count at their true time: of a row that was corrected, this is about the row as corrected.
 *
 * @param key The row's key within (account, usage type, window); only of a type that a refold makes.
 */
export async function quirksOfRow(
  store: StoreReader,
  generation: MadeGeneration,
  row: { readonly accountId: AccountId; readonly usageType: number; readonly key: string },
  window: Window,
): Promise<QuirkName[]> {
  const { accountId } = row;
  const all = quirkSet(generation.preset, generation.quirkOverrides);
  const active = (Object.keys(all) as QuirkName[]).filter((name) => all[name]);
  if (active.length === 0) return [];
  const base = await readBaseState(store, accountId);
  const [live] = await store.rows<{ state: string }>(
    `SELECT state FROM account_state WHERE generation=${store.generation} AND account_id=${accountId}`,
  );
  const setup = {
    live: live?.state ? decodeState(live.state) : emptyState(accountId),
    facts: (await readFacts(store, accountId)).view(),
    settings: generation.settings,
    spec: generation.window,
    closeDelayMs: generation.closeDelayMs,
    ...{ fold, base },
  };
  const refolds = [all, ...active.map((name): QuirkSet => ({ ...all, [name]: false }))].map(
    (quirks) => new Refold({ ...setup, quirks }),
  );
  const history = new StoredHistory({
    ...{ store, accountId, pageEvents },
    from:
      base === null
        ? null
        : { startMs: base.startMs, before: await BaseEvents.open(store, { accountId }) },
    untilMs: window.endMs,
    nextOffset: Number.MAX_SAFE_INTEGER,
    pause: () => Promise.resolve(),
  });
  const firstMs = base?.startMs ?? (await history.nextMs());
  for (let at = windowOf(firstMs, generation.window); ;) {
    const events = await history.takeUntil(at.endMs);
    const found = refolds.map((refold) => textOf(refold.step(at, events).rows, row));
    if (at.startMs >= window.startMs) return active.filter((_, i) => found[i + 1] !== found[0]);
    const nextMs = await history.nextMs();
    const from = at;
    const next = refolds.map((refold) => refold.next(from, nextMs, window.startMs));
    // In step: none leaves out a window that another needs.
    at = next.reduce((first, one) => (one.startMs < first.startMs ? one : first));
  }
}

function textOf(
  rows: readonly UsageRow[],
  wanted: { readonly usageType: number; readonly key: string },
): string {
  const found = rows.find((row) => row.usageType === wanted.usageType && row.key === wanted.key);
  return JSON.stringify(found ? { ...found, lineage: [] } : null);
}

async function readFacts(store: StoreReader, accountId: AccountId): Promise<FactSet> {
  const facts = new FactSet();
  const rows = await store.rows<{ body: string }>(
    `SELECT body FROM fact
     WHERE generation=${store.generation} AND account_id=${accountId} AND kind<>'settings'`,
  );
  for (const { body } of rows) facts.set(JSON.parse(body) as FactRecord);
  return facts;
}
