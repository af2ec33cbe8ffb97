import type { AccountFacts, FoldWindow } from '../contracts/fold.ts';
import { compareU64 } from '../contracts/ids.ts';
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
  const left = facts.templates
    .filter((template) => template.isPublic && template.removedMs === null)
    .toSorted((a, b) => compareU64(a.id, b.id));
  const closed = ledger.quirks.firstPublicTemplateOnly ? left.slice(0, 1) : left;
  const { storage } = ledger.tables;
  for (const { id } of closed)
    for (const row of storage.openOf(`1:${id}`))
      storage.replace(row, { ...row, endMs: Math.max(row.beginMs, removedMs) });
}
