import { join } from 'node:path';
import { expect, test } from 'vitest';
import { allTopics } from '../../src/cli/demo/pipeline.ts';
import { quirkSet } from '../../src/domain/quirks.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { openEmbeddedLog } from '../../src/platform/log/embedded/embedded.ts';
import type { EventLog } from '../../src/platform/log/log.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { usagestream } from '../support/command-line.ts';
import { dieAt, pointsOf } from '../support/crash-command.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { readValues } from '../support/read-log.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';
import { usageFeed } from '../../streams/index.ts';

const day = 86_400_000;

test(
  'a log copy killed at any step and called again copies each record once, and the cloud goes on in it',
  { timeout: 120_000 },
  async () => {
    using folder = scratchFolder();
    const file = join(folder.path, 'log');
    const golden = await readGolden('basic');
    const half = golden.fromMs + Math.floor((golden.toMs - golden.fromMs) / 2 / day) * day;
    const options = { partitions: 2, log: `embedded:${file}`, untilMs: half };
    await using pipeline = await playGolden(golden, options);
    const { cloudUsageSchema, cloudSchema, schema, prefix } = pipeline.names;
    const brokers = servers().kafkaBrokers;
    const kafka = `kafka://${brokers.join(',')}`;
    const args = [
      ...['log', 'copy', '--log', `embedded:${file}`, '--to', kafka, '--prefix', prefix],
      ...['--schema', schema, '--cloud-schema', cloudSchema, '--json'],
    ];
    const logger = createLogger({ level: 'silent' });
    await using target = await openKafkaLog({ brokers, clientId: prefix, logger });
    try {
      for (const at of pointsOf('log-copy')) dieAt(at, (env) => usagestream(args, env));
      expect(usagestream(args)).toMatchObject({ status: 0 });
      await using source = await openEmbeddedLog({ file, logger });
      const feed = (log: EventLog) => readValues(log, usageFeed.topic(prefix));
      expect(await feed(target)).toEqual(await feed(source));

      const until = [...untilArgs(golden.toMs), '--log', kafka];
      await runStages(pipeline, [
        ['tail', ...until],
        ['aggregate', ...until],
        ['sink', ...until],
      ]);
      const { rows } = foldGolden(golden, quirkSet('java-4.23'), { losesLateCounters: false });
      const published = await publishedLines(pipeline.pool, cloudUsageSchema);
      expect(published.toSorted()).toEqual(goldenLines(formatGoldenRows(rows)).toSorted());
    } finally {
      await target.deleteTopics(allTopics(pipeline.names));
    }
  },
);
