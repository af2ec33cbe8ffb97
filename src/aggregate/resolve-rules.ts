import type { BillingSettings } from '../contracts/fold.ts';
import type { EpochMs } from '../contracts/time.ts';
import { cloudRules, firstRunMs } from '../domain/cloud-rules.ts';
import type { CloudRules } from '../domain/cloud-rules.ts';
import { hasOrigin } from '../domain/window.ts';
import type { WindowSpec } from '../domain/window.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { quoteName } from '../platform/mysql.ts';
import { readCloudSettings } from './cloud-settings.ts';
import type { FeedSettings } from './cloud-settings.ts';
import { readGeneration, readLive } from './made-generation.ts';

/** What the operator said of a generation; what is left out is as the generation has it, else as the cloud says. */
export interface AskedRules {
  readonly window: Partial<WindowSpec>;
  readonly closeDelayMs?: number | undefined;
  readonly settings: Partial<BillingSettings>;
}

interface ResolveContext {
  readonly pool: Pool;
  readonly schema: string;
  readonly generation: string;
  readonly log: EventLog;
  readonly feedTopic: string;
  /** CloudStack's, for the last job of a usage server; left out: none has worked. */
  readonly cloudUsageSchema?: string | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Fills in what the operator left out. For a generation that is yet to be made the settings are read from
 * the feed, which has them since its first record; the tail may have to write them first.
 *
 * @returns null when the signal aborts first.
 */
export async function resolveRules(
  asked: AskedRules,
  context: ResolveContext,
): Promise<CloudRules | null> {
  const { rangeMinutes, originMs } = asked.window;
  const given = {
    rangeMinutes,
    timeZone: asked.window.timeZone,
    closeDelayMs: asked.closeDelayMs,
    snapshotVirtualSize: asked.settings.snapshotVirtualSize,
  };
  const isOriginGiven =
    originMs !== undefined || (rangeMinutes !== undefined && !hasOrigin(rangeMinutes));
  if (isOriginGiven && Object.values(given).every((value) => value !== undefined))
    return cloudRules(none, { ...given, originMs });
  const { log, pool, schema, feedTopic, logger, signal, generation } = context;
  const made = await readGeneration(pool, schema, generation);
  if (made !== null) {
    const { window, closeDelayMs, settings } = made;
    return cloudRules(none, {
      ...window,
      closeDelayMs,
      ...settings,
      ...defined(given),
      ...defined({ originMs }),
    });
  }
  logger.info({ generation, feedTopic }, "the cloud's settings were looked for in the feed");
  const settings = await readCloudSettings(log, feedTopic, signal);
  if (settings === null) return null;
  const range = cloudRules(settings.newest, given).window.rangeMinutes;
  const origin = originMs === undefined ? await findOrigin(context, range, settings) : originMs;
  const rules = cloudRules(settings.newest, { ...given, originMs: origin });
  const cloud = Object.fromEntries(settings.newest);
  logger.info({ generation, ...rules, cloud }, 'rules were settled');
  return rules;
}

/**
 * Where the windows of a generation begin that is yet to be made: where those of the live one do; else where
 * the last job of a usage server ended; else where a server's would that was installed when the feed began.
 */
async function findOrigin(
  { pool, schema, cloudUsageSchema }: ResolveContext,
  rangeMinutes: number,
  { first, firstMs }: FeedSettings,
): Promise<EpochMs | null | undefined> {
  if (!hasOrigin(rangeMinutes)) return undefined;
  const live = await readLive(pool, schema);
  if (live?.window.rangeMinutes === rangeMinutes) return live.window.originMs;
  const billedMs = cloudUsageSchema && (await readBilledUntil(pool, cloudUsageSchema));
  return typeof billedMs === 'number'
    ? Math.floor(billedMs / minuteMs) * minuteMs
    : firstRunMs(first, firstMs);
}

const minuteMs = 60_000;

/** End of the last job that succeeded; null when there is none. */
async function readBilledUntil(pool: Pool, cloudUsageSchema: string): Promise<EpochMs | null> {
  const [tables] = await pool.query<RowDataPacket[]>(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = 'usage_job'",
    [cloudUsageSchema],
  );
  if (tables.length === 0) return null;
  const [jobs] = await pool.query<RowDataPacket[]>(
    `SELECT MAX(end_millis) AS last_ms FROM ${quoteName(cloudUsageSchema, 'usage_job')}
     WHERE success = 1 AND end_millis > 0`,
  );
  const lastMs: unknown = jobs[0]?.['last_ms'];
  return lastMs === null || lastMs === undefined ? null : Number(lastMs) + 1;
}

const none: ReadonlyMap<string, string | null> = new Map();

const defined = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
