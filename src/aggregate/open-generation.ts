import { realOverrides } from '../domain/quirks.ts';
import type { Preset, QuirkSet } from '../domain/quirks.ts';
import type { WindowSpec } from '../domain/window.ts';
import type { EventLog } from '../platform/log/log.ts';
import type { Logger } from '../platform/logger.ts';
import { AppError } from '../platform/errors.ts';
import type { Pool, RowDataPacket } from '../platform/mysql.ts';
import { quoteName } from '../platform/mysql.ts';
import { usageFeed } from '../../streams/index.ts';
import { copyBase } from './base-state.ts';
import { ensureGeneration, refuseOtherGeneration } from './generation.ts';
import type { GenerationOptions } from './generation.ts';
import { readGeneration, readLive, requireGeneration } from './made-generation.ts';
import type { MadeGeneration } from './made-generation.ts';
import { resolveRules } from './resolve-rules.ts';
import type { AskedRules } from './resolve-rules.ts';

export interface OpenGeneration extends AskedRules {
  readonly schema: string;
  readonly name: string;
  readonly prefix: string;
  /** null: as the live generation has it. */
  readonly preset: Preset | null;
  readonly quirkOverrides: Partial<QuirkSet>;
  /** CloudStack's, for where windows begin when there is no live generation. */
  readonly cloudUsageSchema?: string;
  /** It begins with a savepoint: not with the states that the live one began with. */
  readonly fromSavepoint?: boolean;
}

interface OpenIo {
  readonly pool: Pool;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * The generation of that name, to be gone on with; or a new one beside the live one. A new one has the
 * rules of the live one but for what is asked for, so that a comparison shows what was asked for.
 *
 * @throws GENERATION_MISMATCH when it was made with other rules than are asked for; LOG_OFFSET_MISSING
 *   when there is no feed yet
 */
export async function openGeneration(
  asked: OpenGeneration,
  io: OpenIo,
): Promise<MadeGeneration | null> {
  const planned = await planGeneration(asked, io);
  if (planned === null) return null;
  const { schema, name } = asked;
  const { base, options } = planned;
  const { pool } = io;
  await ensureGeneration(pool, options);
  const made = await requireGeneration(pool, schema, name);
  const begins = asked.fromSavepoint !== true;
  if (base && base.name !== name)
    await copyBase(pool, schema, { from: base.id, to: made.id, begins });
  return made;
}

/**
 * Looks only: what {@link openGeneration} would make, or go on with.
 * @returns null when the signal aborts first
 * @throws as it
 */
export async function checkGeneration(
  asked: OpenGeneration,
  io: OpenIo,
): Promise<GenerationOptions | null> {
  const planned = await planGeneration(asked, io);
  if (planned !== null) await refuseOtherGeneration(io.pool, planned.options);
  return planned?.options ?? null;
}

interface PlannedGeneration {
  /** What it goes on with, or beside. */
  readonly base: MadeGeneration | null;
  readonly options: GenerationOptions;
}

async function planGeneration(
  asked: OpenGeneration,
  io: OpenIo,
): Promise<PlannedGeneration | null> {
  const { schema, name, prefix, cloudUsageSchema } = asked;
  const { pool, log } = io;
  const base = (await readGeneration(pool, schema, name)) ?? (await readLive(pool, schema));
  const feedTopic = base?.feedTopic ?? usageFeed.topic(prefix);
  const held = await log.offsets(feedTopic);
  if (held.length === 0) throw new AppError('LOG_OFFSET_MISSING', { topic: feedTopic });
  const context = { ...io, schema, generation: name, feedTopic, cloudUsageSchema };
  const rules = base
    ? await resolveRules(
        {
          window: windowLike(base.window, asked.window),
          closeDelayMs: asked.closeDelayMs ?? base.closeDelayMs,
          settings: { ...base.settings, ...asked.settings },
        },
        context,
      )
    : await resolveRules(asked, context);
  if (rules === null) return null;
  const preset = asked.preset ?? base?.preset ?? 'correct';
  const kept = preset === base?.preset ? base.quirkOverrides : {};
  const [others] = await pool.query<RowDataPacket[]>(
    `SELECT 1 FROM ${quoteName(schema, 'generation')} LIMIT 1`,
  );
  const options = {
    ...rules,
    // Also where none is live since a handback: nobody has asked for another.
    isBeside: others.length > 0,
    schema,
    name,
    feedTopic,
    feedPartitions: held.length,
    preset,
    ...(base ? { corrections: base.corrections } : {}),
    quirkOverrides: realOverrides(preset, { ...kept, ...asked.quirkOverrides }),
  };
  return { base, options };
}

/** Where windows of one range begin says nothing of another's. */
function windowLike(base: WindowSpec, asked: Partial<WindowSpec>): Partial<WindowSpec> {
  const { originMs, ...rest } = base;
  const isOther = asked.rangeMinutes !== undefined && asked.rangeMinutes !== base.rangeMinutes;
  return { ...rest, ...(isOther || originMs === undefined ? {} : { originMs }), ...asked };
}
