import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { quirkSet } from '../../src/domain/quirks.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { allTopics } from '../../src/cli/demo/pipeline.ts';
import { openKafkaLog } from '../../src/platform/log/kafka.ts';
import { openEmbeddedLog } from '../../src/platform/log/embedded/embedded.ts';
import { usagestream } from '../support/command-line.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { readValues } from '../support/read-log.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { randomSuffix, servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';
import { catalogue } from '../../streams/index.ts';
import { describeLogConformance } from './log-conformance.ts';

const day = 86_400_000;
const logger = createLogger({ level: 'silent' });
const folder = scratchFolder();
afterAll(() => folder[Symbol.dispose]());
const newFile = () => join(folder.path, `${randomSuffix()}.log`);

describeLogConformance('the embedded log', () => openEmbeddedLog({ file: newFile(), logger }));

test('the file of an embedded log is for its owner only', async () => {
  const file = newFile();
  await using _log = await openEmbeddedLog({ file, logger });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test(
  'the demo without a broker: processes share the file, one is killed, and every row is there once',
  { timeout: 120_000 },
  () => {
    const args = ['demo', '--log', 'embedded', '--seconds', '6', '--seed', '3'];
    const { status, stdout } = usagestream(args, { USAGESTREAM_KAFKA: '' });
    expect(stdout).toMatch(/SIGKILL to worker 1[^]*every row is there, once/);
    expect(status).toBe(0);
  },
);

test(
  'log copy: a cloud that began on the embedded log goes on in Kafka without a missing or a doubled row',
  { timeout: 120_000 },
  async () => {
    const golden = await readGolden('basic');
    const file = newFile();
    const half = golden.fromMs + Math.floor((golden.toMs - golden.fromMs) / 2 / day) * day;
    const options = { partitions: 3, log: `embedded:${file}`, untilMs: half };
    await using pipeline = await playGolden(golden, options);
    const { cloudUsageSchema, cloudSchema, schema, prefix } = pipeline.names;
    const before = await publishedLines(pipeline.pool, cloudUsageSchema);
    expect(before.length).toBeGreaterThan(0);

    const { kafkaBrokers } = servers();
    const kafka = `kafka://${kafkaBrokers.join(',')}`;
    const copy = (...more: string[]) =>
      usagestream([
        ...['log', 'copy', '--log', `embedded:${file}`, '--to', kafka, '--prefix', prefix],
        ...['--schema', schema, '--cloud-schema', cloudSchema, '--json', ...more],
      ]);
    const logger = createLogger({ level: 'silent' });
    await using target = await openKafkaLog({ brokers: kafkaBrokers, clientId: prefix, logger });
    try {
      const { topics } = JSON.parse(copy('--dry-run').stdout) as { topics: { topic: string }[] };
      expect(await target.describeTopics(topics.map(({ topic }) => topic))).toEqual([]);
      const first = JSON.parse(copy().stdout) as Copied;
      expect(first.moved.map(({ partition }) => partition)).toEqual([0, 1, 2]);
      // Again: what is only appended to is passed over.
      const again = JSON.parse(copy().stdout) as Copied;
      const feed = (copied: Copied) =>
        copied.copied.find((c) => c.topic === `${prefix}.usage-feed`);
      expect(feed(first)).toMatchObject({ before: 0 });
      expect(feed(again)).toMatchObject({ records: 0, before: feed(first)?.records });

      const until = [...untilArgs(golden.toMs), '--log', kafka];
      await runStages(pipeline, [
        ['tail', ...until],
        ['aggregate', ...until],
        ['sink', ...until],
      ]);
      const rows = foldGolden(golden, quirkSet('java-4.23'), { losesLateCounters: false }).rows;
      const published = await publishedLines(pipeline.pool, cloudUsageSchema);
      expect(published.toSorted()).toEqual(goldenLines(formatGoldenRows(rows)).toSorted());
      expect(published.length).toBeGreaterThan(before.length);
    } finally {
      await target.deleteTopics(allTopics(pipeline.names));
    }
  },
);

interface Copied {
  readonly copied: readonly { topic: string; records: number; before: number }[];
  readonly moved: readonly { partition: number }[];
}

test('a file that another process holds is a log that is away, not a bug; what was committed stays', async () => {
  const file = newFile();
  await using log = await openEmbeddedLog({ file, logger });
  const stream = catalogue[0];
  await log.ensureTopics('t', [stream], 1);
  const topic = stream.topic('t');
  const of = (value: string) => [{ topic, partition: 0, key: null, value }];
  const commit = async (value: string) => {
    await using writer = await log.writer({ transactionalId: 'w' });
    const transaction = await writer.begin();
    await transaction.append(of(value));
    await transaction.commit();
  };
  await commit('before');
  // Another process that does not let go of the file.
  using other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  await expect(commit('locked out')).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' });
  other.exec('ROLLBACK');
  await commit('after');
  expect(await readValues(log, topic)).toEqual(['before', 'after']);
}, 30_000);
