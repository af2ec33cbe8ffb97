import { expect, test, vi } from 'vitest';
import { allTopics, createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { presets } from '../../src/domain/quirks.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { tell } from '../support/cloud-story.ts';
import { usagestream } from '../support/command-line.ts';
import { handover } from '../support/handover.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

vi.setConfig({ testTimeout: 120_000 });

/* Windows of a range that is neither a day nor an hour: in steps from the first that there was. */

const at = (text: string) => Date.parse(`2026-${text}Z`);
const rangeMs = 90 * 60_000;
const settings = {
  'usage.stats.job.aggregation.range': '90',
  'usage.aggregation.timezone': 'Europe/Berlin',
  'usage.execution.timezone': 'GMT',
  'usage.stats.job.exec.time': '00:20',
};
const event = (type: string, created: number) => ({
  ...{ type, created, resource_id: 8, resource_name: 'data', offering_id: 5, size: 1024 },
});

const newPipeline = (preset: (typeof presets)[number]) => {
  const { mariadbUrl, kafkaBrokers } = servers();
  const kafka = kafkaBrokers.join(',');
  return createPipeline({
    ...{ mariadbUrl, kafka, partitions: 2, preset, rangeMinutes: null, raw: false },
  });
};

async function runUntil(pipeline: Pipeline, untilMs: number, ...store: string[]): Promise<void> {
  const until = untilArgs(untilMs);
  await runStages(pipeline, [
    ['tail', ...until],
    ['aggregate', ...until, ...store],
    ['sink', ...until, ...store],
  ]);
}

async function rowsOf({ names, pool }: Pipeline, sql: string): Promise<RowDataPacket[]> {
  const own = sql.replaceAll('$usage.', `${quoteName(names.cloudUsageSchema)}.`);
  const [rows] = await pool.query<RowDataPacket[]>(
    own.replaceAll('$', `${quoteName(names.schema)}.`),
  );
  return rows;
}

/** Bounds of the windows of 90 minutes from one instant to another, as cloud_usage shows them. */
const steps = (fromMs: number, untilMs: number): string[][] =>
  Array.from({ length: (untilMs - fromMs) / rangeMs }, (_, n) => fromMs + n * rangeMs).map(
    (startMs) => [sqlDateTime(startMs), sqlDateTime(startMs + rangeMs - 1)],
  );

async function billed(pipeline: Pipeline): Promise<unknown[][]> {
  const rows = await rowsOf(pipeline, 'SELECT * FROM $usage.cloud_usage ORDER BY id');
  return rows.map((row) => [row['start_date'], row['end_date']]);
}

const originsOf = async (pipeline: Pipeline) => {
  const rows = await rowsOf(pipeline, 'SELECT name, settings FROM $generation ORDER BY id');
  return rows.map((row) => {
    const { window } = JSON.parse(String(row['settings'])) as { window?: unknown };
    return [row['name'], window];
  });
};

test.each(presets)(
  'windows of 90 minutes begin at the first exec.time of the cloud, whatever becomes of it: %s',
  async (preset) => {
    await using pipeline = await newPipeline(preset);
    const fromMs = at('05-01T00:20:00');
    // In the first window, and over the day after.
    const createdMs = fromMs + 3_600_000;
    await tell(pipeline, { settings, accounts: [3] });
    await runStages(pipeline, [['tail', ...untilArgs(fromMs)]]);
    await tell(pipeline, { committedMs: createdMs, events: [event('VOLUME.CREATE', createdMs)] });
    await runUntil(pipeline, fromMs + 4 * rangeMs);
    const deletedMs = at('05-02T01:49:59');
    await tell(pipeline, {
      ...{ committedMs: deletedMs, events: [event('VOLUME.DELETE', deletedMs)] },
      settings: { 'usage.stats.job.exec.time': '03:33', 'usage.execution.timezone': 'Asia/Tokyo' },
    });
    await runUntil(pipeline, at('05-02T01:50:00'));
    expect(await billed(pipeline)).toEqual(steps(fromMs, at('05-02T01:50:00')));
    const jobs = await rowsOf(pipeline, 'SELECT * FROM $usage.usage_job WHERE end_millis > 0');
    expect(jobs.map((job) => [job['start_date'], job['end_date']])).toEqual(await billed(pipeline));

    // Once is enough: presets do not differ in this.
    if (preset === 'correct') return;
    const { names } = pipeline;
    const store = ['--schema', names.schema, '--cloud-usage-schema', names.cloudUsageSchema];
    const feed = ['--prefix', names.prefix, '--log-level', 'warn'];
    expect(usagestream(['rebuild', 'again', ...store, ...feed])).toMatchObject({ status: 0 });
    // Another feed of the cloud, with other partitions, and the cloud's settings as they are now.
    const other = { prefix: `${names.prefix}b`, cloudSchema: names.cloudSchema };
    const more = ['--prefix', other.prefix, '--partitions', '3'];
    const until = untilArgs(at('05-02T01:50:00'));
    try {
      await runStages(pipeline, [
        ['tail', ...until, ...more],
        ['aggregate', ...until, ...more, '--generation', 'other'],
      ]);
    } finally {
      await pipeline.log.deleteTopics(allTopics(other));
    }
    const window = { originMs: fromMs % rangeMs };
    expect(await originsOf(pipeline)).toEqual([
      ['main', window],
      ['again', window],
      ['other', window],
    ]);
    const records = await rowsOf(
      pipeline,
      'SELECT COUNT(*) AS n FROM $record GROUP BY window_start_ms, natural_key',
    );
    expect(records.map((row) => Number(row['n']))).toEqual(steps(0, 17 * rangeMs).map(() => 3));
  },
);

test('a takeover goes on where the last job of a Java server ended, at any minute, and hands back without a gap', async () => {
  await using pipeline = await newPipeline('java-4.23');
  const boundaryMs = at('05-01T10:08:00');
  const javaJob = (startMs: number, endMs: number) => [
    ...['java/10.0.0.1', 4711, 0, 0, startMs, endMs - 1, 9, sqlDateTime(startMs)],
    ...[sqlDateTime(endMs - 1), 1, sqlDateTime(endMs)],
  ];
  const addJob = (startMs: number, endMs: number) =>
    pipeline.pool.query(
      `INSERT INTO ${quoteName(pipeline.names.cloudUsageSchema)}.usage_job (host, pid, job_type, scheduled,
         start_millis, end_millis, exec_time, start_date, end_date, success, heartbeat) VALUES (?)`,
      [javaJob(startMs, endMs)],
    );
  await addJob(boundaryMs - rangeMs, boundaryMs);
  const usage = quoteName(pipeline.names.cloudUsageSchema);
  await pipeline.pool
    .query(`INSERT INTO ${usage}.account (id, account_name, type, domain_id, cleanup_needed)
    VALUES (3, 'account 3', 0, 1, 0)`);
  await pipeline.pool
    .query(`INSERT INTO ${usage}.usage_volume (volume_id, zone_id, account_id, domain_id,
      disk_offering_id, size, created) VALUES (8, 1, 3, 1, 5, 1024, '2026-04-30 12:00:00')`);
  await tell(pipeline, { settings, accounts: [3] });
  await runStages(pipeline, [['tail', ...untilArgs(boundaryMs)]]);

  // Beside a Java server: the windows are its own.
  const shadow = [...untilArgs(boundaryMs - rangeMs), '--generation', 'shadow'];
  await runStages(pipeline, [['aggregate', ...shadow]]);

  const { takeover, handback } = handover(pipeline);
  const take = (...args: string[]) =>
    takeover('--range', '90', '--despite', 'no-event-copies', '--json', ...args);
  const taken = take('--into', 'next');
  expect(taken).toMatchObject({ status: 0 });
  const window = { startMs: boundaryMs, endMs: boundaryMs + rangeMs };
  expect(JSON.parse(taken.stdout)).toMatchObject({ window });
  expect(take('--into', 'next')).toMatchObject({ status: 0 });
  const endMs = boundaryMs + 5 * rangeMs;
  await runUntil(pipeline, endMs, '--generation', 'next');
  expect(await billed(pipeline)).toEqual(steps(boundaryMs, endMs));

  // A Java server would begin 1 ms after the end of the last job, and find its timer at another minute.
  expect(handback('next')).toMatchObject({ status: 0 });
  const [last] = await rowsOf(
    pipeline,
    'SELECT MAX(end_millis) AS ms, SUM(end_millis = 0) AS open FROM $usage.usage_job WHERE success = 1 OR success IS NULL',
  );
  expect([Number(last?.['ms']), Number(last?.['open'])]).toEqual([endMs - 1, 0]);
  const againMs = endMs + 37 * 60_000;
  await addJob(endMs, againMs);
  expect(take('--into', 'third')).toMatchObject({ status: 0 });
  await runUntil(pipeline, againMs + 2 * rangeMs, '--generation', 'third');
  const jobs = await rowsOf(
    pipeline,
    'SELECT start_millis, end_millis FROM $usage.usage_job WHERE success = 1 ORDER BY id',
  );
  const bounds = jobs.map((job) => [Number(job['start_millis']), Number(job['end_millis'])]);
  for (const [n, [startMs]] of bounds.slice(1).entries()) expect(startMs).toBe(bounds[n]![1]! + 1);
  expect(bounds.at(-1)).toEqual([againMs + rangeMs, againMs + 2 * rangeMs - 1]);
  expect(await originsOf(pipeline)).toEqual([
    ['shadow', { originMs: boundaryMs % rangeMs }],
    ['next', { originMs: boundaryMs % rangeMs }],
    ['third', { originMs: againMs % rangeMs }],
  ]);
});

test('a generation that was made before there were origins keeps its windows, and one beside it has the same', async () => {
  await using pipeline = await newPipeline('correct');
  await rowsOf(
    pipeline,
    `INSERT INTO $generation (name, state, feed_topic, feed_partitions, range_minutes, time_zone, close_delay_ms,
       preset, settings) VALUES ('main', 'live', '${pipeline.names.prefix}.usage-feed', 2, 90, 'Europe/Berlin',
       900000, 'correct', '{"billing":{"snapshotVirtualSize":false},"quirks":{}}')`,
  );
  // Two hours after midnight in Berlin, when its third window is open.
  const untilMs = at('05-01T00:20:00');
  await tell(pipeline, { settings, accounts: [3] });
  const until = [...untilArgs(untilMs), '--close-delay', '15m'];
  await runStages(pipeline, [
    ['tail', ...until],
    ['aggregate', ...until],
    ['aggregate', ...until, '--generation', 'beside'],
  ]);
  expect(await originsOf(pipeline)).toEqual([
    ['main', undefined],
    ['beside', undefined],
  ]);
  const closed = await rowsOf(pipeline, 'SELECT DISTINCT closed_until_ms AS ms FROM $progress');
  expect(closed.map((row) => Number(row['ms']))).toEqual([at('04-30T23:30:00')]);
});
