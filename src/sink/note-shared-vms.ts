import type { Window } from '../contracts/time.ts';
import type { PublishContext } from './publish-window.ts';
import type { SqlRow } from './session.ts';

/** So many are looked at in a window; more is one fault, not many. */
const mostVms = 1000;

/**
 * Records machines that ran, or were allocated, under two accounts at the same time in a window: the fold of
 * one account cannot see it. Both accounts are billed. Inside the publishing transaction.
 *
 * @returns how many were found
 */
export async function noteSharedVms(
  { work, t, generation }: PublishContext,
  window: Window,
): Promise<number> {
  const rows = await work.rows(
    `SELECT r.account_id, r.usage_type, r.usage_id, r.lineage FROM ${t.record} r JOIN (
       SELECT usage_type, usage_id FROM ${t.record}
       WHERE generation = ? AND window_start_ms = ? AND usage_type IN (1, 2) AND kind = 'usage'
       GROUP BY usage_type, usage_id HAVING MIN(account_id) <> MAX(account_id)
       ORDER BY usage_type, usage_id LIMIT ${mostVms}
     ) AS twice USING (usage_type, usage_id)
     WHERE r.generation = ? AND r.window_start_ms = ? AND r.kind = 'usage'
     ORDER BY r.usage_type, r.usage_id, r.account_id`,
    [generation.id, window.startMs, generation.id, window.startMs],
  );
  const spans = rows.flatMap(spansOf);
  const found = new Map<string, unknown[]>();
  for (const [at, span] of spans.entries())
    for (const other of spans.slice(at + 1)) {
      if (other.vm !== span.vm) break;
      if (other.account === span.account || !overlap(span, other)) continue;
      const facts = { vmId: span.usageId, usageType: span.usageType, otherAccount: span.account };
      const key = `${other.account} ${other.openedBy}`;
      found.set(key, [
        ...[generation.id, other.account, other.openedBy, 'OPEN_UNDER_OTHER_ACCOUNT'],
        ...[window.startMs, JSON.stringify(facts)],
      ]);
    }
  if (found.size === 0) return 0;
  const tuples = [...found.values()];
  await work.run(
    `INSERT IGNORE INTO ${t.anomaly} (generation, account_id, event_id, code, window_start_ms, facts)
     VALUES ${tuples.map(() => '(?)').join(', ')}`,
    tuples,
  );
  return found.size;
}

interface Span {
  readonly vm: string;
  readonly usageId: string;
  readonly usageType: number;
  readonly account: string;
  readonly openedBy: string;
  readonly beginMs: number;
  readonly endMs: number;
}

function spansOf(row: SqlRow): Span[] {
  const lineage = JSON.parse(String(row['lineage'])) as Pick<
    Span,
    'openedBy' | 'beginMs' | 'endMs'
  >[];
  const usageId = String(row['usage_id']);
  const usageType = Number(row['usage_type']);
  const vm = `${usageType} ${usageId}`;
  return lineage.map(({ openedBy, beginMs, endMs }) => ({
    ...{ vm, usageId, usageType, account: String(row['account_id']) },
    ...{ openedBy, beginMs, endMs },
  }));
}

/** More than the second in which a machine changes hands. */
const overlap = (a: Span, b: Span): boolean =>
  Math.min(a.endMs, b.endMs) - Math.max(a.beginMs, b.beginMs) > 1000;
