import { checkFeed, nextOffsets } from '../../aggregate/check-feed.ts';
import { readGeneration, requireGeneration } from '../../aggregate/made-generation.ts';
import { checkGeneration } from '../../aggregate/open-generation.ts';
import type { OpenGeneration } from '../../aggregate/open-generation.ts';
import { refuseOtherFeed, requireSavepoint } from '../../aggregate/savepoint.ts';
import type { EventLog } from '../../platform/log/log.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Pool } from '../../platform/mysql.ts';

interface PlanIo {
  readonly pool: Pool;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * What a rebuild would do, for `--dry-run`; refuses what the rebuild would.
 * @returns null when the signal aborts first
 * @throws SAVEPOINT_UNKNOWN, GENERATION_MISMATCH, GENERATION_MISSING, LOG_OFFSET_MISSING
 */
export async function describePlan(asked: OpenGeneration, begin: string | undefined, io: PlanIo) {
  const { pool, log } = io;
  const { schema, name } = asked;
  const savepoint = begin === undefined ? null : await requireSavepoint(pool, schema, begin);
  const planned = await checkGeneration(asked, io);
  if (planned === null) return null;
  if (savepoint)
    refuseOtherFeed(await requireGeneration(pool, schema, savepoint.generation), planned);
  const made = await readGeneration(pool, schema, name);
  const own = made ? await nextOffsets(pool, schema, { generation: made.id }) : new Map();
  const isBegun = [...own.values()].some((offset) => offset > 0);
  const from =
    savepoint && !isBegun ? await nextOffsets(pool, schema, { savepoint: savepoint.id }) : own;
  const { feedTopic, preset } = planned;
  const { partitions, records } = await checkFeed(log, feedTopic, from);
  const what = made ? 'would go on' : 'would be made';
  const begins = savepoint && !isBegun ? ` from savepoint ${savepoint.name}` : '';
  return {
    ...{ generation: name, exists: made !== null, feedTopic, partitions, records, preset },
    text: `${name} ${what}${begins}: preset ${preset}, ${records} records of ${partitions} partitions of ${feedTopic} to fold`,
  };
}
