import { expect, test, vi } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { presets } from '../../src/domain/quirks.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { tell } from '../support/cloud-story.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

vi.setConfig({ testTimeout: 90_000 });

const hour = 3_600_000;
const day = 24 * hour;
const at = (text: string) => Date.parse(`${text}Z`);
const berlin = 'Europe/Berlin';

const newPipeline = (partitions: number, preset: Preset = 'correct') => {
  const { mariadbUrl, kafkaBrokers } = servers();
  const kafka = kafkaBrokers.join(',');
  return createPipeline({
    ...{ mariadbUrl, kafka, partitions, preset, rangeMinutes: null, raw: false },
  });
};

async function runUntil(pipeline: Pipeline, untilMs: number, ...more: string[]): Promise<void> {
  const until = untilArgs(untilMs);
  await runStages(pipeline, [
    ['tail', ...until],
    ['aggregate', ...until, ...more],
    ['sink', ...until],
  ]);
}

async function rowsOf(pipeline: Pipeline, schema: 'own' | 'usage', sql: string) {
  const { names, pool } = pipeline;
  const name = schema === 'own' ? names.schema : names.cloudUsageSchema;
  const [rows] = await pool.query<RowDataPacket[]>(sql.replaceAll('$', `${quoteName(name)}.`));
  return rows;
}

const settingsOf = (range: number, zone: string, execTime = '00:15') => ({
  'usage.stats.job.aggregation.range': String(range),
  'usage.aggregation.timezone': zone,
  'usage.execution.timezone': zone,
  'usage.stats.job.exec.time': execTime,
});

interface Case {
  readonly why: string;
  readonly range: number;
  readonly zone: string;
  readonly from: string;
  readonly to: string;
  /** How often each length of a window is wanted: hours, times. */
  readonly lengths: Readonly<Record<number, number>>;
  readonly execTime?: string;
  /** A usage server's fault, which no preset repeats: all of them are tried, else `correct` alone. */
  readonly isFault?: true;
}

const cases: readonly Case[] = [
  {
    why: 'the day of 23 hours is one window, and the others have 24',
    ...{ range: 1440, zone: berlin, from: '2026-03-27T23:00:00', to: '2026-03-30T22:00:00' },
    lengths: { 24: 2, 23: 1 },
  },
  {
    why: 'the day of 25 hours is one window with one set of rows',
    ...{ range: 1440, zone: berlin, from: '2026-10-23T22:00:00', to: '2026-10-26T23:00:00' },
    lengths: { 24: 2, 25: 1 },
  },
  {
    why: 'hours of the day of 23 hours: none is missing',
    ...{ range: 60, zone: berlin, from: '2026-03-28T23:00:00', to: '2026-03-29T22:00:00' },
    lengths: { 1: 23 },
  },
  {
    why: 'hours of the day of 25 hours: none is billed twice',
    ...{ range: 60, zone: berlin, from: '2026-10-24T22:00:00', to: '2026-10-25T23:00:00' },
    lengths: { 1: 25 },
  },
  {
    why: 'R13: with exec minute 45 each hour has one job, and each is good',
    ...{ range: 60, zone: 'GMT', from: '2026-05-01T22:00:00', to: '2026-05-02T03:00:00' },
    ...{ execTime: '00:45', lengths: { 1: 5 }, isFault: true },
  },
  {
    why: 'R9: a year end in another zone makes no window that ends before it starts',
    ...{ range: 1440, zone: 'Pacific/Auckland', from: '2025-12-29T11:00:00' },
    ...{ to: '2026-01-02T11:00:00', lengths: { 24: 4 }, isFault: true },
  },
  {
    why: 'a leap day, and weeks without an event, are billed day by day',
    ...{ range: 1440, zone: 'GMT', from: '2024-02-01T00:00:00', to: '2024-04-01T00:00:00' },
    lengths: { 24: 60 },
  },
];

const tried = cases.flatMap((one) =>
  (one.isFault ? presets : (['correct'] as const)).map((preset) => ({ ...one, preset })),
);

test.each(tried)('$why: $preset', async ({ range, zone, from, to, lengths, execTime, preset }) => {
  const [fromMs, toMs] = [at(from), at(to)];
  await using pipeline = await newPipeline(2, preset);
  // The first event of a new install comes some time after its window began.
  const openedMs = fromMs + 20 * 60_000;
  await tell(pipeline, {
    settings: settingsOf(range, zone, execTime),
    accounts: [3],
    events: [
      {
        ...{ type: 'VOLUME.CREATE', created: openedMs, resource_id: 8, resource_name: 'data' },
        ...{ offering_id: 5, template_id: null, size: 1024 },
      },
    ],
  });
  await runUntil(pipeline, toMs);

  const windows = (
    await rowsOf(pipeline, 'own', 'SELECT * FROM $published_window ORDER BY window_start_ms')
  ).map((row) => ({
    startMs: Number(row['window_start_ms']),
    endMs: Number(row['window_end_ms']),
    rows: Number(row['row_count']),
  }));
  const wanted = Object.values(lengths).reduce((a, b) => a + b, 0);
  expect(windows).toHaveLength(wanted);
  expect([windows[0]?.startMs, windows.at(-1)?.endMs]).toEqual([fromMs, toMs]);
  for (const [n, next] of windows.slice(1).entries()) expect(next.startMs).toBe(windows[n]?.endMs);
  const seen = Map.groupBy(windows, ({ startMs, endMs }) => (endMs - startMs) / hour);
  expect(Object.fromEntries([...seen].map(([hours, all]) => [hours, all.length]))).toEqual(lengths);

  // Every window has its one row, with its own bounds in GMT; together they are the whole time, once.
  const rows = await rowsOf(pipeline, 'usage', 'SELECT * FROM $cloud_usage ORDER BY id');
  expect(rows.map((row) => [row['start_date'], row['end_date']])).toEqual(
    windows.map(({ startMs, endMs }) => [sqlDateTime(startMs), sqlDateTime(endMs - 1)]),
  );
  const billedMs = rows.reduce((sum, row) => sum + Number(row['raw_usage']) * hour, 0);
  expect(Math.round(billedMs / 1000)).toBe((toMs - openedMs) / 1000);

  const jobs = await rowsOf(pipeline, 'usage', 'SELECT * FROM $usage_job WHERE end_millis > 0');
  expect(jobs.map((job) => [job['success'], Number(job['start_millis'])])).toEqual(
    windows.map(({ startMs }) => [1, startMs]),
  );
});

test('a setting that changes later has no effect and is recorded; a flag wins; another is refused', async () => {
  await using pipeline = await newPipeline(2);
  const startMs = at('2026-05-01T00:00:00');
  await tell(pipeline, { settings: settingsOf(1440, berlin), accounts: [3] });
  await runUntil(pipeline, startMs);
  const generations = () =>
    rowsOf(
      pipeline,
      'own',
      'SELECT name, range_minutes, time_zone, close_delay_ms FROM $generation',
    );
  const main = {
    ...{ name: 'main', range_minutes: 1440, time_zone: berlin, close_delay_ms: String(hour / 4) },
  };
  expect(await generations()).toEqual([main]);

  const volume = { resource_id: 8, offering_id: 5, size: 1024 };
  await tell(pipeline, {
    settings: { 'usage.stats.job.aggregation.range': '60' },
    events: [{ type: 'VOLUME.CREATE', created: startMs, ...volume }],
  });
  await runUntil(pipeline, startMs + 3 * day);
  expect(await generations()).toEqual([main]);
  const anomalies = await rowsOf(
    pipeline,
    'own',
    "SELECT account_id, facts FROM $anomaly WHERE code = 'SETTING_NOT_APPLIED'",
  );
  expect(
    anomalies.map((row) => [row['account_id'], JSON.parse(String(row['facts'])) as unknown]),
  ).toEqual([['0', { 'usage.stats.job.aggregation.range': '60, not applied: 1440' }]]);

  await expect(runUntil(pipeline, startMs + 3 * day, '--range', '60')).rejects.toThrow(
    /GENERATION_MISMATCH/,
  );
  await expect(runUntil(pipeline, startMs + 3 * day, '--quirk', 'domainFrozen=on')).rejects.toThrow(
    /GENERATION_MISMATCH/,
  );
  const until = untilArgs(startMs + 2 * day);
  const hourly = ['--generation', 'hourly', '--time-zone', 'GMT'];
  await runStages(pipeline, [['aggregate', ...until, ...hourly]]);
  expect(await generations()).toEqual([
    main,
    { ...main, name: 'hourly', range_minutes: 60, time_zone: 'GMT' },
  ]);
});
