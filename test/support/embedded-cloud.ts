import { join } from 'node:path';
import { allTopics, createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { readGolden } from './golden.ts';
import type { Golden } from './golden.ts';
import {
  asGoldenSchema,
  enterSystemAccounts,
  goldenParts,
  playGoldenPart,
} from './golden-tables.ts';
import { here } from './here.ts';
import { scratchFolder } from './scratch-folder.ts';
import { servers } from './servers.ts';

const day = 86_400_000;

/** A golden history, in generation `main`, closed and published to its end; the log is a file. */
export interface EmbeddedCloud extends AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly golden: Golden;
  /** Address of the log. */
  readonly log: string;
  readonly folder: string;
  readonly stages: ReturnType<typeof here>;
  /** Plays the rest of the history, and publishes it. */
  playRest(): Promise<void>;
  /** Rows of a statement; `$cu.` and `$us.` are the schemas. */
  readonly sql: (text: string, values?: readonly unknown[]) => Promise<RowDataPacket[]>;
  /** All tables of the three schemas but those named, and the ends of all topics: one text. */
  checksum(without?: readonly string[]): Promise<string>;
}

/** @param options.playedMs Up to where it has been played; {@link EmbeddedCloud.playRest} goes on. */
export async function openEmbeddedCloud(
  name: string,
  { partitions = 2, playedMs }: { partitions?: number; playedMs?: number } = {},
): Promise<EmbeddedCloud> {
  const { mariadbUrl, kafkaBrokers } = servers();
  const folder = scratchFolder();
  const log = `embedded:${join(folder.path, 'log')}`;
  const pipeline = await createPipeline({
    ...{ mariadbUrl, kafka: kafkaBrokers.join(','), log, partitions },
  });
  const { names, pool } = pipeline;
  const golden = await readGolden(name);
  const stages = here(pipeline, {
    ...{ USAGESTREAM_SOURCE: mariadbUrl, USAGESTREAM_SINK: mariadbUrl, USAGESTREAM_LOG: log },
  });
  await enterSystemAccounts(pipeline, golden);
  await asGoldenSchema(pipeline, golden, names.cloudUsageSchema);
  await stages.tail(new Date(golden.fromMs - day).toISOString());
  const [part = '', rest = ''] = goldenParts(golden, [(playedMs ?? Infinity) + golden.runDelayMs]);
  const play = async (sqlText: string, untilMs: number) => {
    await playGoldenPart(pipeline, sqlText);
    const until = new Date(untilMs).toISOString();
    await stages.tail(until);
    await stages.publish(names, 'main', until);
  };
  await play(part, playedMs ?? golden.toMs);
  const sql: EmbeddedCloud['sql'] = async (text, values = []) => {
    const named = text
      .replaceAll('$cu.', `${names.cloudUsageSchema}.`)
      .replaceAll('$us.', `${names.schema}.`);
    return (await pool.query<RowDataPacket[]>(named, [...values]))[0];
  };
  return {
    ...{ pipeline, golden, log, folder: folder.path, stages, sql },
    playRest: () => play(rest, golden.toMs),
    async checksum(without = []) {
      const schemas = [names.cloudSchema, names.cloudUsageSchema, names.schema];
      const tables = await sql(
        `SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS name, TABLE_NAME AS bare
         FROM information_schema.TABLES WHERE TABLE_SCHEMA IN (?) ORDER BY 1`,
        [schemas],
      );
      const kept = tables.filter((row) => !without.includes(String(row['bare'])));
      const sums = await sql(`CHECKSUM TABLE ${kept.map((row) => String(row['name'])).join(', ')}`);
      const topics = await pipeline.log.describeTopics([
        ...allTopics(names),
        ...allTopics({ ...names, prefix: otherPrefix(names.prefix) }),
      ]);
      const ends = [];
      for (const { topic } of topics) ends.push([topic, await pipeline.log.offsets(topic)]);
      return JSON.stringify([sums, ends]);
    },
    async [Symbol.asyncDispose]() {
      await pipeline[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** A prefix beside the pipeline's, of topics that are not there. */
export const otherPrefix = (prefix: string): string => `${prefix}-2`;
