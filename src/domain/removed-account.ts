import type { AccountFacts, FoldWindow } from '../contracts/fold.ts';
import { compareU64 } from '../contracts/ids.ts';
import type { EpochMs } from '../contracts/time.ts';
import type { Ledger } from './ledger.ts';
import type { QuirkSet } from './quirks.ts';

const threeDaysMs = 3 * 86_400_000;

/** Whether an account still gets rows in the window: CloudStack forgets it 3 days after its removal. */
export function isBilled(facts: AccountFacts, window: FoldWindow, quirks: QuirkSet): boolean {
  const removedMs = facts.account?.removedMs ?? null;
  if (removedMs === null || !quirks.removedAccountsForgotten) return true;
  return removedMs >= window.startMs - threeDaysMs;
}

/**
 * Ends the public templates that a removed account leaves behind, at its removal: nobody deletes
 * them, as others use them.
 */
export function closePublicTemplates(ledger: Ledger, facts: AccountFacts): void {
  const removedMs = facts.account?.removedMs ?? null;
  if (removedMs === null) return;
  if (ledger.quirks.firstPublicTemplateOnly) closeFirst(ledger, facts, removedMs);
  else closeAll(ledger, facts, removedMs);
}

/** As CloudStack's server does: what is open when the window is computed, of the template with the lowest id. */
function closeFirst({ tables }: Ledger, facts: AccountFacts, removedMs: EpochMs): void {
  const left = facts.templates.filter(({ isPublic, removedMs: gone }) => isPublic && gone === null);
  const [first] = left.toSorted((a, b) => compareU64(a.id, b.id));
  if (first === undefined) return;
  for (const row of tables.storage.openOf(`1:${first.id}`))
    tables.storage.replace(row, { ...row, endMs: Math.max(row.beginMs, removedMs) });
}

/**
 * In the window of the removal and after it, never before. A template that is deleted later ends with the
 * account too: else it would depend on the length of windows whether its last hours are billed.
 */
function closeAll({ tables, window }: Ledger, facts: AccountFacts, removedMs: EpochMs): void {
  if (removedMs >= window.endMs) return;
  const left = new Set(
    facts.templates
      .filter(({ isPublic, removedMs: gone }) => isPublic && (gone === null || gone > removedMs))
      .map(({ id }) => id),
  );
  for (const row of tables.storage.rows) {
    if (row.storageType !== 1 || !left.has(row.entityId)) continue;
    const ended = { ...row, endMs: Math.max(row.beginMs, removedMs), closedBy: null };
    if (row.endMs === null) tables.storage.replace(row, ended);
    else if (row.endMs > ended.endMs) tables.storage.replaceClosed(row, ended);
  }
}
