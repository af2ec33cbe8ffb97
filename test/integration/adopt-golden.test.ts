import { createConnection } from 'mysql2/promise';
import { describe, expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import { mysqlOptions } from '../../src/platform/mysql.ts';
import { killAdoptWhen } from '../support/killable-tail.ts';
import { startDebezium } from '../support/debezium.ts';
import { debeziumTopics, whenRawHas } from '../support/debezium-topics.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import type { Golden } from '../support/golden.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { canRunDebezium, randomSuffix, servers, startMariaDb } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';
import { quirkSet } from '../../src/domain/quirks.ts';

const partitions = 3;

describe.skipIf(!canRunDebezium())('topics that a real Debezium wrote', () => {
  test(
    'adopted with SIGKILL on the way, with schemas, they give the rows of the golden cloud',
    { timeout: 120_000 },
    async () => {
      const golden = await readGolden('basic');
      const from = `d${randomSuffix()}`;
      const kafka = servers().kafkaBrokers;
      await using mariadb = await startMariaDb();
      await using pipeline = await createPipeline({
        mariadbUrl: mariadb.url,
        kafka: kafka.join(','),
        partitions,
      });
      const { cloudSchema, prefix } = pipeline.names;
      await using topics = new AsyncDisposableStack();
      topics.defer(() => pipeline.log.deleteTopics(debeziumTopics(cloudSchema, from)));
      await using debezium = await startDebezium({
        flavour: 'mariadb',
        sourceUrl: mariadb.url,
        kafka,
        prefix: from,
        cloudSchema,
        partitions: 2,
        schemas: true,
      });
      await play(pipeline, golden);
      await whenRawHas(pipeline.log, `${from}.${cloudSchema}.account`, 'the last one');
      await debezium.stop();

      await killAdoptWhen(
        {
          prefix,
          cloudSchema,
          feedPartitions: partitions,
          clock: 'source',
          closeDelayMs: 900_000,
          // Many small commits, so that it dies between two of them.
          commitBytes: 1,
          takeChanges: 20,
          sessionTimeoutMs: 2000,
          topics: {
            prefix: from,
            dataTopics: '{prefix}.{db}.{table}',
            heartbeatTopic: null,
            settleMs: 1000,
            maxLagMs: 1000,
          },
        },
        (progress) => progress.phase === 'stream' && progress.changes > 60,
      );
      const until = untilArgs(golden.toMs);
      const names = ['--prefix', prefix, '--partitions', String(partitions)];
      const adopt = startStage(
        'adopt',
        [
          ...['adopt', ...names, '--cloud-schema', cloudSchema, '--debezium-prefix', from],
          ...['--clock', 'source', '--log-level', 'warn', ...until],
        ],
        { USAGESTREAM_LOG: `kafka://${kafka.join(',')}` },
      );
      expect({ end: await adopt.exited, log: adopt.tail() }).toEqual({ end: 0, log: '' });
      await runStages(pipeline, [
        ['aggregate', ...until],
        ['sink', ...until],
      ]);
      const rows = foldGolden(golden, quirkSet('java-4.23'), { losesLateCounters: false }).rows;
      expect(await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema)).toEqual(
        goldenLines(formatGoldenRows(rows)),
      );
    },
  );
});

async function play(pipeline: Pipeline, golden: Golden): Promise<void> {
  const { cloudSchema } = pipeline.names;
  const player = await createConnection({
    ...mysqlOptions(pipeline.target),
    multipleStatements: true,
  });
  await player.query(
    golden.inputSql.replaceAll(/\b(INSERT INTO|UPDATE) cloud\./g, `$1 ${cloudSchema}.`),
  );
  await player.query(
    `INSERT INTO ${cloudSchema}.account (id, account_name, type) VALUES (999999, 'the last one', 0)`,
  );
  await player.end();
}
