import { createLogger } from '../../src/platform/logger.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { runAdopt } from '../../src/tail/adopt.ts';
import type { AdoptOptions } from '../../src/tail/adopt.ts';
import type { TailProgress, TailResult } from '../../src/tail/tailer.ts';

/** An adopter in this process. */
export interface RunningAdopt {
  readonly done: Promise<TailResult>;
  /** Resolves with the first watermark at this time or later, rejects when the adopter ends before. */
  whenWatermark(atMs: number): Promise<void>;
  stop(): Promise<TailResult>;
}

/** What tests vary little. */
export const adoptOptions = (
  names: { readonly prefix: string; readonly cloudSchema: string; readonly from: string },
  more: Partial<AdoptOptions> = {},
): AdoptOptions => ({
  prefix: names.prefix,
  cloudSchema: names.cloudSchema,
  feedPartitions: 3,
  clock: 'wall',
  closeDelayMs: 60_000,
  silenceMs: 200,
  sessionTimeoutMs: 6000,
  topics: {
    prefix: names.from,
    dataTopics: '{prefix}.{db}.{table}',
    heartbeatTopic: null,
    settleMs: 500,
    maxLagMs: 1500,
  },
  ...more,
});

export function startAdopt(options: AdoptOptions, log: EventLog): RunningAdopt {
  const abort = new AbortController();
  const seen: TailProgress[] = [];
  let wake = (): void => {};
  const done = runAdopt(options, {
    log,
    logger: createLogger({ level: 'silent' }),
    metrics: createMetrics(),
    clock: systemClock,
    signal: abort.signal,
    onProgress: (progress) => {
      seen.push(progress);
      wake();
    },
  });
  done.catch(() => {});
  const hasReached = (atMs: number): boolean => {
    const last = seen.at(-1);
    return last?.phase === 'stream' && last.watermarkMs !== null && last.watermarkMs >= atMs;
  };
  return {
    done,
    async whenWatermark(atMs) {
      const early = done.then(({ reason }) =>
        Promise.reject(new Error(`adopter ended: ${reason}`)),
      );
      while (!hasReached(atMs))
        await Promise.race([early, new Promise<void>((resolve) => (wake = resolve))]);
      early.catch(() => {});
    },
    stop() {
      abort.abort();
      return done;
    },
  };
}
