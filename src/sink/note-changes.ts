import type { Pair } from './apply-difference.ts';
import { isAlike, recordOf, sameKey, windowsOf } from './cutover-sql.ts';
import type { PublishContext } from './publish-window.ts';

/**
 * Leaves for the topics what a cutover changes: windows with other rows are sent again, each other row with
 * a revision above the one that consumers have; rows that are taken back are withdrawn.
 */
export async function noteChanges(context: PublishContext, { from, to }: Pair): Promise<void> {
  const { work, t, outbox } = context;
  await work.run(
    `UPDATE ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'o')} STRAIGHT_JOIN ${sameKey(t, 'n', 'o')}
     SET n.revision = o.revision + 1 WHERE n.revision <= o.revision AND NOT (${isAlike})`,
    [from, from, to],
  );
  if (!outbox) return;
  const gone = `FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'o')}
     LEFT JOIN ${sameKey(t, 'n', 'o')} WHERE n.record_id IS NULL`;
  await work.run(
    `INSERT INTO ${t.outbox} (generation, kind, window_start_ms, body)
     SELECT DISTINCT ?, 'withdrawal', p.window_start_ms, ? ${gone}`,
    [to, String(from), from, from, to],
  );
  await work.run(
    `INSERT INTO ${t.outbox} (generation, kind, window_start_ms)
     SELECT ?, 'window', changed.window_start_ms FROM (
       SELECT p.window_start_ms ${gone}
       UNION SELECT p.window_start_ms FROM ${windowsOf(t)} STRAIGHT_JOIN ${recordOf(t, 'n')}
         LEFT JOIN ${sameKey(t, 'o', 'n')} WHERE o.record_id IS NULL OR NOT (${isAlike})
     ) AS changed ORDER BY changed.window_start_ms`,
    [to, from, from, to, from, to, from],
  );
}
