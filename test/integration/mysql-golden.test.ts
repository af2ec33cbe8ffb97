import { createConnection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Stage } from '../../src/cli/demo/pipeline.ts';
import { startStage } from '../../src/cli/demo/stage-process.ts';
import { mysqlOptions } from '../../src/platform/mysql.ts';
import { readGolden } from '../support/golden.ts';
import { grantedUser } from '../support/granted-user.ts';
import { mysqlUrl } from '../support/mysql.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { servers } from '../support/servers.ts';
import { untilArgs } from '../support/stages.ts';

const url = await mysqlUrl();
// Of this file's process alone.
if (url !== undefined) process.env['USAGESTREAM_MARIADB_URL'] = url;

test.skipIf(url === undefined)(
  'golden basic through MySQL as source and store, each stage with the rights of its grant file: equal to the row and the column',
  { timeout: 120_000 },
  async () => {
    const golden = await readGolden('basic');
    const { mariadbUrl, kafkaBrokers } = servers();
    const kafka = kafkaBrokers.join(',');
    await using pipeline = await createPipeline({ mariadbUrl, kafka, partitions: 3 });
    const { names } = pipeline;
    const placeholders = {
      schema: names.schema,
      cloud: names.cloudSchema,
      cloud_usage: names.cloudUsageSchema,
    };
    await using users = new AsyncDisposableStack();
    const accounts = new Map<Stage, string>();
    for (const stage of ['tail', 'aggregate', 'sink'] as const)
      accounts.set(stage, users.use(await grantedUser(stage, placeholders)).url);
    const run = async (stage: Stage, ms: number) => {
      const account = accounts.get(stage)!;
      const env = {
        USAGESTREAM_SOURCE: account,
        USAGESTREAM_SINK: account,
        USAGESTREAM_LOG: `kafka://${kafka}`,
      };
      const process = startStage(stage, pipeline.args(stage, untilArgs(ms)), env);
      expect(await process.exited, process.tail()).toBe(0);
    };

    await run('tail', golden.fromMs - 86_400_000);
    const player = await createConnection({
      ...mysqlOptions(pipeline.target),
      multipleStatements: true,
    });
    await player.query(
      golden.inputSql.replaceAll(/\b(INSERT INTO|UPDATE) cloud\./g, `$1 ${names.cloudSchema}.`),
    );
    await player.end();
    await Promise.all(
      (['tail', 'aggregate', 'sink'] as const).map((stage) => run(stage, golden.toMs)),
    );
    expect(await publishedLines(pipeline.pool, names.cloudUsageSchema)).toEqual(
      goldenLines(golden.usage),
    );
  },
);
