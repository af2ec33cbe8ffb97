import { randomBytes } from 'node:crypto';
import { catalogue, changeEvents } from '../../../streams/index.ts';
import { createLogger } from '../../platform/logger.ts';
import type { EventLog } from '../../platform/log/log.ts';
import { migrate } from '../../platform/migrate.ts';
import { openPool, parseMysqlUrl, quoteName } from '../../platform/mysql.ts';
import type { MysqlTarget, Pool } from '../../platform/mysql.ts';
import { createCloudSchema } from '../../simulate/schema.ts';
import { openLog } from '../open-log.ts';
import { startStage } from './stage-process.ts';
import type { StageProcess } from './stage-process.ts';
import type { DemoNames } from './look.ts';

/** A pipeline of its own on given servers: fresh schemas and topics, stages as processes. For the demo and the tests. */
export interface Pipeline extends AsyncDisposable {
  readonly names: DemoNames;
  readonly target: MysqlTarget;
  readonly pool: Pool;
  readonly log: EventLog;
  readonly partitions: number;
  start(
    stage: Stage,
    extra?: readonly string[],
    onReport?: (report: unknown) => void,
  ): StageProcess;
  /** The command line that starts a stage, without the secrets, which are in the environment. */
  args(stage: Stage, extra?: readonly string[]): string[];
}

export type Stage = 'tail' | 'aggregate' | 'sink';

export interface PipelineOptions {
  readonly mariadbUrl: string;
  readonly kafka: string;
  /** Another log than Kafka: `embedded:FILE`. */
  readonly log?: string;
  readonly partitions?: number;
  readonly preset?: 'java-4.23' | 'correct';
  /** 1440 when left out; null: as the cloud's settings say. */
  readonly rangeMinutes?: number | null;
  readonly sessionTimeout?: string;
  readonly answerTimeout?: string;
  readonly raw?: boolean;
  /** Names stay when disposed. */
  readonly keep?: boolean;
}

/** Makes the schemas and migrates them; the topics are made by the stages themselves. */
export async function createPipeline(options: PipelineOptions): Promise<Pipeline> {
  const id = randomBytes(4).toString('hex');
  const names: DemoNames = {
    cloudSchema: `us_${id}_cloud`,
    cloudUsageSchema: `us_${id}_cloud_usage`,
    schema: `us_${id}_usage_stream`,
    prefix: `us-${id}`,
  };
  const partitions = options.partitions ?? 8;
  const target = parseMysqlUrl(options.mariadbUrl);
  const pool = openPool(target, 6);
  await createCloudSchema(target, names.cloudSchema);
  await migrate(pool, {
    schema: names.schema,
    cloudUsageSchema: names.cloudUsageSchema,
    withCloudUsage: true,
    dryRun: false,
  });
  const address = options.log ?? `kafka://${options.kafka}`;
  const log = await openLog(
    { log: address, logPassword: undefined },
    { clientId: `usagestream-${id}`, logger: createLogger({ level: 'silent' }) },
  );
  const env = {
    USAGESTREAM_SOURCE: options.mariadbUrl,
    USAGESTREAM_SINK: options.mariadbUrl,
    USAGESTREAM_LOG: address,
  };
  const args = (stage: Stage, extra: readonly string[] = []): string[] => [
    stage,
    ...common(names, partitions, options),
    ...stageArgs(stage, names, options),
    ...extra,
  ];
  return {
    names,
    target,
    pool,
    log,
    partitions,
    args,
    start: (stage, extra, onReport) => startStage(stage, args(stage, extra), env, onReport),
    async [Symbol.asyncDispose]() {
      if (options.keep !== true) await dropPipeline(pool, log, names);
      await log[Symbol.asyncDispose]();
      await pool.end();
    },
  };
}

const common = (
  names: DemoNames,
  partitions: number,
  { sessionTimeout, answerTimeout }: PipelineOptions,
): string[] => [
  ...['--prefix', names.prefix, '--partitions', String(partitions), '--log-level', 'warn'],
  ...(sessionTimeout === undefined ? [] : ['--session-timeout', sessionTimeout]),
  ...(answerTimeout === undefined ? [] : ['--answer-timeout', answerTimeout]),
];

function stageArgs(stage: Stage, names: DemoNames, options: PipelineOptions): string[] {
  const { rangeMinutes = 1440 } = options;
  const range = rangeMinutes === null ? [] : ['--range', String(rangeMinutes)];
  const store = ['--schema', names.schema];
  switch (stage) {
    case 'tail':
      return [
        ...['--cloud-schema', names.cloudSchema, '--clock', 'source', ...range],
        ...['--raw', options.raw === false ? 'off' : 'on'],
      ];
    case 'aggregate':
      return [
        ...range,
        ...store,
        ...['--cloud-usage-schema', names.cloudUsageSchema],
        ...['--preset', options.preset ?? 'java-4.23'],
      ];
    case 'sink':
      return [...store, '--cloud-usage-schema', names.cloudUsageSchema, '--mode', 'primary'];
    default:
      return stage satisfies never;
  }
}

async function dropPipeline(pool: Pool, log: EventLog, names: DemoNames): Promise<void> {
  for (const schema of [names.cloudSchema, names.cloudUsageSchema, names.schema])
    await pool.query(`DROP DATABASE IF EXISTS ${quoteName(schema)}`);
  await log.deleteTopics(allTopics(names));
}

/** Every topic that a pipeline of these names may have made. */
export const allTopics = (names: Pick<DemoNames, 'prefix' | 'cloudSchema'>): string[] => [
  ...catalogue.map((stream) => stream.topic(names.prefix)),
  ...rawTables.map((table) => changeEvents(names.cloudSchema, table).topic(names.prefix)),
];

const rawTables = [
  'usage_event',
  'usage_event_details',
  'account',
  'user_statistics',
  'vm_disk_statistics',
  'bucket_statistics',
  'bucket',
  'vm_template',
  'configuration',
];
