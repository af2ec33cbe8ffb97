import { compareBinlogPoints } from './binlog-point.ts';
import { rowHash } from './event-content.ts';
import { placeOf } from './place-of.ts';
import type { PositionRecord } from './position.ts';
import { decideResume } from './resume-decision.ts';
import type { ServerSight } from './resume-decision.ts';
import { binlogEnd } from './server-facts.ts';
import type { SessionContext } from './session.ts';
import type { SourceChange } from './source.ts';
import { openBinlogAt } from './stream.ts';

type Known = NonNullable<PositionRecord['newestEvent']>;

/**
 * What a server is to be taken for whose newest event is not as the feed has it, although the place could be
 * gone on from: the binlog after the place is looked through for a change of that row from what the feed has, or
 * to it. There is one when the row was updated or deleted while nobody read, which is no other history;
 * there is none where another history only looks like ours. A matching number of the last commit proves
 * less (docs/adr/0024-changes-of-the-newest-event.md).
 *
 * @throws what the tail itself would stop or wait for, reading the same binlog.
 */
export async function lookIntoBinlog(
  context: SessionContext,
  stored: PositionRecord,
  seen: ServerSight,
): Promise<ServerSight> {
  if (seen.newestEvent !== 'differs' && seen.newestEvent !== 'missing') return seen;
  const changed = { ...seen, newestEvent: 'changed' } as const;
  const { how } = decideResume(stored, changed);
  if (stored.newestEvent === null || (how !== 'position' && how !== 'gtid')) return seen;
  context.io.logger.info(
    { id: stored.newestEvent.id, newestEvent: seen.newestEvent },
    'newest event is not as it was, its change is looked for in the binlog',
  );
  const isThere = await hasChange(context, stored, stored.newestEvent, how === 'gtid');
  return isThere ? changed : seen;
}

async function hasChange(
  context: SessionContext,
  stored: PositionRecord,
  known: Known,
  byGtid: boolean,
): Promise<boolean> {
  const { signal, connection } = context;
  const until = await binlogEnd(connection);
  await using source = openBinlogAt(context, { ...placeOf(stored), byGtid });
  // By GTID the place is another server's until the first of this one is known.
  let at = byGtid ? null : { file: stored.file, pos: stored.pos };
  let isInPart = false;
  while (!signal.aborted && (at === null || compareBinlogPoints(at, until) < 0))
    for (const item of await source.take(100)) {
      // What is rolled back was never the row's content.
      if (item.kind === 'rolled-back') isInPart = false;
      if ('changes' in item) isInPart ||= item.changes.some((change) => isOf(change, known));
      if (item.kind === 'part' || item.kind === 'rolled-back') continue;
      if (isInPart) return true;
      at = item.boundary.end;
    }
  return false;
}

const isOf = ({ table, before, after }: SourceChange, known: Known): boolean =>
  table === 'usage_event' &&
  [before, after].some(
    (row) => row !== null && String(row['id']) === known.id && rowHash(row) === known.hash,
  );
