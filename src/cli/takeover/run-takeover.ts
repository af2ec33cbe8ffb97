import { hostname, userInfo } from 'node:os';
import { resolveRules } from '../../aggregate/resolve-rules.ts';
import { quirkSet, realOverrides } from '../../domain/quirks.ts';
import { AppError } from '../../platform/errors.ts';
import { usageFeed } from '../../../streams/index.ts';
import type { CommandContext } from '../command.ts';
import { resolvePreset } from '../preset.ts';
import { withFeed } from '../rebuild/store-access.ts';
import type { SettingKey, SettingValues } from '../settings.ts';
import { askedWindow } from '../stages.ts';
import { auditTables } from './audit-tables.ts';
import { handedBack } from './handed-back.ts';
import { placeAccounts } from './place-accounts.ts';
import { takeOver } from './take-over.ts';
import type { Takeover } from './take-over.ts';

/** Settings of `takeover`. */
export const takeoverKeys = [
  ...(['sink', 'sinkPassword', 'log', 'logPassword', 'prefix', 'partitions', 'schema'] as const),
  ...(['cloudSchema', 'cloudUsageSchema', 'range', 'timeZone', 'closeDelay', 'preset'] as const),
  ...(['quirks', 'snapshotVirtualSize', 'corrections', 'correctBack'] as const),
] satisfies SettingKey[];

export type TakeoverValues = Pick<SettingValues, (typeof takeoverKeys)[number]>;

export interface TakeoverFlags {
  /** Name of the generation; null: of the time at which it begins. */
  readonly into: string | null;
  readonly despite: ReadonlySet<string>;
  readonly dryRun: boolean;
  /** Mends damaged tables first; with the file for the SQL that takes the repair back. */
  readonly repair: { readonly undoPath: string } | null;
}

/**
 * The command `takeover`, without its words.
 * @returns null when the signal aborted before the cloud's rules were known
 * @throws CONFIG_INVALID, and as {@link takeOver}
 */
export function runTakeover(
  values: TakeoverValues,
  flags: TakeoverFlags,
  context: CommandContext,
): Promise<Takeover | null> {
  const { into, despite, dryRun } = flags;
  if (into !== null && !/^[A-Za-z0-9_.-]{1,64}$/.test(into))
    throw new AppError('CONFIG_INVALID', { problems: ['--into: 1 to 64 of A-Z a-z 0-9 _ . -'] });
  const { cloudUsageSchema, prefix, partitions } = values;
  const { logger, signal } = context;
  return withFeed(values, context, async ({ pool, schema, log, target: store }) => {
    const feedTopic = usageFeed.topic(prefix);
    await refuseEmptyFeed(log, feedTopic);
    // Where windows begin is said by the last job, whatever else there is.
    const window = { ...askedWindow({ ...values, windowOrigin: undefined }), originMs: 0 };
    const settings =
      values.snapshotVirtualSize === undefined
        ? {}
        : { snapshotVirtualSize: values.snapshotVirtualSize };
    const generation = into ?? '';
    const rules = await resolveRules(
      { window, closeDelayMs: values.closeDelay, settings },
      { pool, schema, generation, log, feedTopic, logger, signal },
    );
    if (rules === null) return null;
    const former =
      values.preset === 'auto' ? await handedBack(pool, schema, cloudUsageSchema) : null;
    const preset =
      former?.preset ??
      (await resolvePreset(values.preset, store, {
        ...{ schema, cloudUsageSchema, generation },
      }));
    const quirkOverrides = realOverrides(preset, { ...former?.quirkOverrides, ...values.quirks });
    return takeOver(pool, {
      generation: {
        ...rules,
        ...{ schema, name: into, feedTopic, feedPartitions: partitions, preset, quirkOverrides },
        corrections: { mode: values.corrections, reachMs: values.correctBack },
      },
      quirks: quirkSet(preset, quirkOverrides),
      cloudUsageSchema,
      despite,
      audit: () => auditTables(pool, values, flags, context),
      dryRun,
      doneBy: `${userInfo().username}@${hostname()}`,
      placeOf: await placeAccounts(log, prefix, partitions, signal),
    });
  });
}

type Log = Parameters<typeof placeAccounts>[0];

/** @throws TAKEOVER_REFUSED: without the feed neither the rules nor the events to come are known */
async function refuseEmptyFeed(log: Log, topic: string): Promise<void> {
  const offsets = await log.offsets(topic).catch(() => []);
  if (offsets.some(({ next }) => next > 0)) return;
  throw new AppError('TAKEOVER_REFUSED', {
    problems: [
      `the feed ${topic} is empty: start \`usagestream tail\` (or run --mode shadow) first`,
    ],
  });
}
