import type { BillingSettings } from '../contracts/fold.ts';
import { cloudRules } from '../domain/cloud-rules.ts';
import type { CloudRules } from '../domain/cloud-rules.ts';
import type { WindowSpec } from '../domain/window.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { quoteName } from '../platform/mysql.ts';
import { readCloudSettings } from './cloud-settings.ts';

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
  const given = {
    rangeMinutes: asked.window.rangeMinutes,
    timeZone: asked.window.timeZone,
    closeDelayMs: asked.closeDelayMs,
    snapshotVirtualSize: asked.settings.snapshotVirtualSize,
  };
  if (Object.values(given).every((value) => value !== undefined)) return cloudRules(none, given);
  const made = await readMade(context);
  if (made !== null) return cloudRules(none, { ...made, ...defined(given) });
  const { log, feedTopic, logger, signal, generation } = context;
  logger.info({ generation, feedTopic }, "the cloud's settings were looked for in the feed");
  const settings = await readCloudSettings(log, feedTopic, signal);
  if (settings === null) return null;
  const rules = cloudRules(settings, given);
  logger.info({ generation, ...rules, cloud: Object.fromEntries(settings) }, 'rules were settled');
  return rules;
}

const none: ReadonlyMap<string, string | null> = new Map();

const defined = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Partial<T>;

/** The rules that the generation was made with; null when there is none of that name. */
async function readMade({ pool, schema, generation }: ResolveContext) {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT range_minutes, time_zone, close_delay_ms, settings FROM ${quoteName(schema, 'generation')}
     WHERE name = ?`,
    [generation],
  );
  const row = rows[0];
  if (!row) return null;
  const { billing } = JSON.parse(String(row['settings'])) as { billing?: Partial<BillingSettings> };
  return {
    rangeMinutes: Number(row['range_minutes']),
    timeZone: String(row['time_zone']),
    closeDelayMs: Number(row['close_delay_ms']),
    snapshotVirtualSize: billing?.snapshotVirtualSize ?? false,
  };
}
