import { hostname, userInfo } from 'node:os';
import { followGeneration } from '../../aggregate/made-generation.ts';
import type { CommandContext } from '../command.ts';
import { withStore } from '../rebuild/store-access.ts';
import type { SettingKey, SettingValues } from '../settings.ts';
import { createIo, sinkKeys, sinkStage } from '../stages.ts';
import { handBack } from './hand-back.ts';
import type { Handback } from './hand-back.ts';

/** Settings of `handback`. */
export const handbackKeys = sinkKeys.filter((key) => key !== 'until' && key !== 'mode');
handbackKeys satisfies SettingKey[];

export type HandbackValues = Pick<SettingValues, (typeof handbackKeys)[number]>;

export interface HandbackFlags {
  readonly despite: ReadonlySet<string>;
  readonly dryRun: boolean;
  readonly writesTables: boolean;
}

/** The command `handback`, without its words. @throws as {@link handBack} */
export const runHandback = (
  values: HandbackValues,
  flags: HandbackFlags,
  context: CommandContext,
): Promise<Handback> =>
  withStore(values, async ({ pool, schema, target }) => {
    const followed = await followGeneration(pool, schema, values.generation);
    return handBack(pool, target, {
      ...flags,
      schema,
      cloudUsageSchema: values.cloudUsageSchema,
      generation: followed?.name ?? values.generation,
      doneBy: `${userInfo().username}@${hostname()}`,
      publish: (until) =>
        sinkStage(
          { ...values, until, mode: 'primary', helperTables: true },
          createIo(context),
          context.signal,
          () => undefined,
        ),
    });
  });
