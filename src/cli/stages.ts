import { hostname } from 'node:os';
import { runAggregate } from '../aggregate/aggregate.ts';
import { cloudRules } from '../domain/cloud-rules.ts';
import { realOverrides } from '../domain/quirks.ts';
import type { Preset } from '../domain/quirks.ts';
import type { WindowSpec } from '../domain/window.ts';
import type { EventLog } from '../platform/log/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { systemClock } from '../platform/clock.ts';
import { parseMysqlUrl } from '../platform/mysql.ts';
import type { MysqlTarget } from '../platform/mysql.ts';
import { runSink } from '../sink/sink.ts';
import { runAdopt } from '../tail/adopt.ts';
import { runTail } from '../tail/tailer.ts';
import type { CommandContext } from './command.ts';
import { openLog } from './open-log.ts';
import { patiently } from './patiently.ts';
import type { SettingKey, SettingValues } from './settings.ts';
import { sourceCloseDelayMs } from './source-close-delay.ts';

/** Settings that each stage takes; `run` takes them all. */
const logKeys = ['log', 'logPassword', 'prefix', 'partitions', 'http'] as const;
const windowKeys = ['range', 'closeDelay', 'timeZone', 'until'] as const;
const storeKeys = ['sink', 'sinkPassword', 'schema', 'generation'] as const;
export const tailKeys = [
  ...logKeys,
  ...windowKeys,
  'source',
  'sourcePassword',
  'cloudSchema',
  'clock',
  'raw',
  'zones',
  'serverId',
  'sourceMode',
  'pollInterval',
  'pollWindow',
  'sourceChange',
  'healPast',
  'sessionTimeout',
  'answerTimeout',
] as const satisfies readonly SettingKey[];
export const adoptKeys = [
  ...logKeys,
  ...windowKeys,
  'cloudSchema',
  'clock',
  'sessionTimeout',
  'zones',
  'debeziumPrefix',
  'debeziumTopics',
  'heartbeatTopic',
  'settle',
  'debeziumLag',
] as const satisfies readonly SettingKey[];
export const aggregateKeys = [
  ...logKeys,
  ...windowKeys,
  ...storeKeys,
  'windowOrigin',
  'preset',
  'helperTables',
  'corrections',
  'correctBack',
  'quirks',
  'snapshotVirtualSize',
  'sessionTimeout',
  'answerTimeout',
] as const satisfies readonly SettingKey[];
export const sinkKeys = [
  ...logKeys,
  ...storeKeys,
  'until',
  'mode',
  'helperTables',
  'corrections',
  'alerts',
  'alertsPassword',
  'cloudSchema',
  'cloudUsageSchema',
  'host',
  'sessionTimeout',
  'answerTimeout',
] as const satisfies readonly SettingKey[];

type Values<K extends readonly SettingKey[]> = Pick<SettingValues, K[number]>;

/** What the operator says of the windows of a generation. */
export const askedWindow = ({
  range: rangeMinutes,
  timeZone,
  windowOrigin: originMs,
}: Pick<SettingValues, 'range' | 'timeZone' | 'windowOrigin'>): Partial<WindowSpec> => ({
  ...(rangeMinutes === undefined ? {} : { rangeMinutes }),
  ...(timeZone === undefined ? {} : { timeZone }),
  ...(originMs === undefined ? {} : { originMs }),
});

/** One line of progress of a stage, for people and for `--json`. */
export type Report = (stage: 'tail' | 'aggregate' | 'sink', facts: object) => void;

/** The process's own dependencies, made once. */
export function createIo(context: CommandContext) {
  return { logger: context.logger, metrics: createMetrics(), clock: systemClock };
}
type Io = ReturnType<typeof createIo>;

export const targetOf = (
  url: string,
  password: string | undefined,
  answerMs?: number,
): MysqlTarget => ({
  ...parseMysqlUrl(url),
  ...(password === undefined ? {} : { password }),
  ...(answerMs === undefined ? {} : { answerMs }),
});

const openStageLog = (
  v: Values<typeof logKeys>,
  stage: string,
  io: Io,
  signal: AbortSignal,
): Promise<EventLog | null> =>
  patiently(stage, io, signal, () =>
    openLog(v, { clientId: `usagestream-${stage}`, logger: io.logger, signal }),
  );

export async function tailStage(
  v: Values<typeof tailKeys>,
  io: Io,
  signal: AbortSignal,
  report: Report,
): Promise<void> {
  const source = targetOf(v.source, v.sourcePassword, v.answerTimeout);
  const closeDelayMs = await patiently('tail', io, signal, () => sourceCloseDelayMs(v, source));
  if (closeDelayMs === null) return;
  await using log = await openStageLog(v, 'tail', io, signal);
  if (log === null) return;
  await runTail(
    {
      source,
      cloudSchema: v.cloudSchema,
      prefix: v.prefix,
      feedPartitions: v.partitions,
      raw: v.raw,
      zones: v.zones,
      clock: v.clock,
      closeDelayMs,
      sourceMode: v.sourceMode,
      pollMs: v.pollInterval,
      pollWindowMs: v.pollWindow,
      onSourceChange: v.sourceChange,
      ...(v.healPast === undefined ? {} : { healPast: v.healPast }),
      sessionTimeoutMs: v.sessionTimeout,
      ...(v.until === undefined ? {} : { untilMs: v.until }),
      ...(v.serverId === undefined ? {} : { serverId: v.serverId }),
    },
    { ...io, log, signal, onProgress: (p) => report('tail', p) },
  );
}

export async function adoptStage(
  v: Values<typeof adoptKeys> & { readonly drain: boolean },
  io: Io,
  signal: AbortSignal,
  report: Report,
): Promise<void> {
  const given = { rangeMinutes: v.range, timeZone: v.timeZone, closeDelayMs: v.closeDelay };
  await using log = await openStageLog(v, 'adopt', io, signal);
  if (log === null) return;
  await runAdopt(
    {
      cloudSchema: v.cloudSchema,
      prefix: v.prefix,
      feedPartitions: v.partitions,
      zones: v.zones,
      clock: v.clock,
      drain: v.drain,
      // For `until` alone; there is no source to ask for its settings.
      closeDelayMs: cloudRules(new Map(), given).closeDelayMs,
      sessionTimeoutMs: v.sessionTimeout,
      topics: {
        prefix: v.debeziumPrefix,
        dataTopics: v.debeziumTopics,
        heartbeatTopic: v.heartbeatTopic ?? null,
        settleMs: v.settle,
        maxLagMs: v.debeziumLag,
      },
      ...(v.until === undefined ? {} : { untilMs: v.until }),
    },
    { ...io, log, signal, onProgress: (p) => report('tail', p) },
  );
}

export async function aggregateStage(
  v: Values<typeof aggregateKeys> & Pick<SettingValues, 'cloudUsageSchema'>,
  preset: Preset,
  io: Io,
  signal: AbortSignal,
  report: Report,
): Promise<void> {
  await using log = await openStageLog(v, 'aggregate', io, signal);
  if (log === null) return;
  await runAggregate(
    {
      schema: v.schema,
      generation: v.generation,
      prefix: v.prefix,
      feedPartitions: v.partitions,
      window: askedWindow(v),
      cloudUsageSchema: v.cloudUsageSchema,
      closeDelayMs: v.closeDelay,
      preset,
      helperTables: v.helperTables,
      corrections: { mode: v.corrections, reachMs: v.correctBack },
      quirkOverrides: realOverrides(preset, v.quirks),
      settings:
        v.snapshotVirtualSize === undefined ? {} : { snapshotVirtualSize: v.snapshotVirtualSize },
      sessionTimeoutMs: v.sessionTimeout,
      ...(v.until === undefined ? {} : { untilMs: v.until }),
    },
    {
      ...io,
      log,
      store: targetOf(v.sink, v.sinkPassword, v.answerTimeout),
      signal,
      onProgress: (p) => report('aggregate', p),
    },
  );
}

export async function sinkStage(
  v: Values<typeof sinkKeys>,
  io: Io,
  signal: AbortSignal,
  report: Report,
): Promise<void> {
  await using log = await openStageLog(v, 'sink', io, signal);
  if (log === null) return;
  await runSink(
    {
      schema: v.schema,
      cloudUsageSchema: v.cloudUsageSchema,
      prefix: v.prefix,
      feedPartitions: v.partitions,
      generation: v.generation,
      mode: v.mode,
      helperTables: v.helperTables,
      mayAmend: v.corrections === 'amend',
      alerts:
        v.alerts === null
          ? null
          : { server: targetOf(v.alerts, v.alertsPassword), schema: v.cloudSchema },
      host: v.host ?? `usagestream@${hostname()}`,
      pid: process.pid,
      // A stand-by looks once a second: with that the take-over stays within the time asked for.
      leaseMs: Math.round(v.sessionTimeout * 0.8),
      ...(v.until === undefined ? {} : { untilMs: v.until }),
    },
    {
      ...io,
      log,
      store: targetOf(v.sink, v.sinkPassword, v.answerTimeout),
      signal,
      onProgress: (p) => report('sink', p),
    },
  );
}
