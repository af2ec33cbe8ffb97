import { createConnection } from 'mysql2/promise';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline, PipelineOptions } from '../../src/cli/demo/pipeline.ts';
import { mysqlOptions } from '../../src/platform/mysql.ts';
import type { Golden } from './golden.ts';
import { servers } from './servers.ts';
import { runStage, runStages, untilArgs } from './stages.ts';

const day = 86_400_000;

/** Plays a golden input into a cloud of its own and runs tail, aggregate and sink over it. */
export async function playGolden(
  golden: Golden,
  options: Pick<PipelineOptions, 'partitions' | 'preset' | 'log'> & {
    /** More flags of the tail. */
    readonly tailArgs?: readonly string[];
    /** More flags of aggregate and sink. */
    readonly storeArgs?: readonly string[];
    /** Where to stop, when not at the end. */
    readonly untilMs?: number;
  },
): Promise<Pipeline> {
  const { tailArgs = [], storeArgs = [] } = options;
  const { mariadbUrl, kafkaBrokers } = servers();
  const kafka = kafkaBrokers.join(',');
  const pipeline = await createPipeline({ mariadbUrl, kafka, ...options });
  try {
    // The tail begins before the history, so that all of it comes by the binlog with its commit times.
    await runStage(pipeline, 'tail', ...untilArgs(golden.fromMs - day), ...tailArgs);
    const player = await createConnection({
      ...mysqlOptions(pipeline.target),
      multipleStatements: true,
    });
    await player.query(
      golden.inputSql.replaceAll(
        /\b(INSERT INTO|UPDATE) cloud\./g,
        `$1 ${pipeline.names.cloudSchema}.`,
      ),
    );
    await player.end();
    const until = untilArgs(options.untilMs ?? golden.toMs);
    await runStages(pipeline, [
      ['tail', ...until, ...tailArgs],
      ['aggregate', ...until, ...storeArgs],
      ['sink', ...until, ...storeArgs],
    ]);
    return pipeline;
  } catch (error) {
    await pipeline[Symbol.asyncDispose]();
    throw error;
  }
}
