import { loadSettings } from '../../src/cli/load-settings.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { CommandContext } from '../../src/cli/command.ts';
import type { SettingKey, SettingValues } from '../../src/cli/settings.ts';
import {
  aggregateKeys,
  aggregateStage,
  createIo,
  sinkKeys,
  sinkStage,
  tailKeys,
  tailStage,
} from '../../src/cli/stages.ts';
import { handbackKeys, runHandback } from '../../src/cli/takeover/run-handback.ts';
import { runTakeover, takeoverKeys } from '../../src/cli/takeover/run-takeover.ts';
import { createLogger } from '../../src/platform/logger.ts';

/** A store of its own beside a pipeline's: where its rows and tables are. */
export interface StoreNames {
  readonly schema: string;
  readonly cloudUsageSchema: string;
}

/**
 * The stages and commands as `usagestream` runs them, by the same settings and on the same servers, but in this
 * process: for tests of many short runs, where starting processes would be most of the time.
 */
export function here(
  pipeline: Pick<Pipeline, 'names' | 'partitions'>,
  env: Readonly<Record<string, string>>,
) {
  const { names, partitions } = pipeline;
  const context: CommandContext = {
    signal: new AbortController().signal,
    json: true,
    logger: createLogger({ level: 'silent' }),
    env: {},
  };
  const io = createIo(context);
  const settle = <K extends SettingKey>(
    keys: readonly K[],
    flags: Readonly<Record<string, unknown>>,
  ): Pick<SettingValues, K> =>
    loadSettings(keys, {
      env,
      file: undefined,
      flags: {
        ...{ prefix: names.prefix, partitions: String(partitions), cloudSchema: names.cloudSchema },
        ...{ range: '1440', preset: 'java-4.23', clock: 'source', ...flags },
      },
    });
  const none = () => undefined;
  return {
    tail: (until: string): Promise<void> =>
      tailStage(settle(tailKeys, { until, raw: 'off' }), io, context.signal, none),
    /** Aggregate, then sink, up to a time. */
    publish: async (store: StoreNames, generation: string, until: string): Promise<void> => {
      const flags = { ...store, generation, until };
      const own = settle([...aggregateKeys, 'cloudUsageSchema'], flags);
      await aggregateStage(own, 'java-4.23', io, context.signal, none);
      await sinkStage(settle(sinkKeys, { ...flags, mode: 'primary' }), io, context.signal, none);
    },
    /** A sink that leads until it is disposed. */
    async lead(store: StoreNames, generation: string): Promise<AsyncDisposable> {
      const stop = new AbortController();
      const led = Promise.withResolvers<undefined>();
      const values = settle(sinkKeys, { ...store, generation, mode: 'primary' });
      const done = sinkStage(values, io, stop.signal, (_stage, facts) => {
        if ('leader' in facts && facts.leader === true) led.resolve(undefined);
      });
      await Promise.race([led.promise, done]);
      return {
        [Symbol.asyncDispose]: async () => {
          stop.abort();
          await done;
        },
      };
    },
    takeover: (store: StoreNames, into: string) =>
      runTakeover(
        settle(takeoverKeys, { ...store }),
        { into, despite: new Set(), dryRun: false, repair: null },
        context,
      ),
    handback: (store: StoreNames, generation: string) =>
      runHandback(
        settle(handbackKeys, { ...store, generation }),
        { despite: new Set(), dryRun: false, writesTables: false },
        context,
      ),
  };
}
