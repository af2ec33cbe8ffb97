import { expect, test, vi } from 'vitest';
import type { Explanation } from '../../src/cli/explain/explain-row.ts';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { Preset } from '../../src/domain/quirks.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { tell } from '../support/cloud-story.ts';
import { usagestream } from '../support/command-line.ts';
import { servers } from '../support/servers.ts';
import { runStages, untilArgs } from '../support/stages.ts';

vi.setConfig({ testTimeout: 90_000 });

const at = (text: string) => Date.parse(`2026-${text}Z`);
const settings = {
  'usage.stats.job.aggregation.range': '1440',
  'usage.aggregation.timezone': 'Europe/Berlin',
  'usage.execution.timezone': 'Europe/Berlin',
  'usage.stats.job.exec.time': '00:15',
};
/** The Saturday before; the clock is set back in the night to Sunday, at 01:00 GMT. */
const saturdayMs = at('10-23T22:00:00');
const tuesdayMs = at('10-26T23:00:00');

async function rowsOf({ names, pool }: Pipeline, sql: string): Promise<RowDataPacket[]> {
  const own = sql.replaceAll('$usage.', `${quoteName(names.cloudUsageSchema)}.`);
  const [rows] = await pool.query<RowDataPacket[]>(
    own.replaceAll('$', `${quoteName(names.schema)}.`),
  );
  return rows;
}

/** What `usagestream explain` says that makes each row what it is. */
function quirksOf({ names }: Pipeline, published: readonly RowDataPacket[]): unknown[] {
  const own = ['--schema', names.schema, '--cloud-usage-schema', names.cloudUsageSchema, '--json'];
  const { stdout } = usagestream(['explain', ...published.map(({ id }) => String(id)), ...own]);
  return (JSON.parse(stdout) as Explanation[]).map(({ quirks }) => quirks);
}

const saturday = '2026-10-23 22:00:00 to 2026-10-24 21:59:59: 24 Hrs = 24';
const monday = '2026-10-25 23:00:00 to 2026-10-26 22:59:59: 24 Hrs = 24';
const whole = [saturday, '2026-10-24 22:00:00 to 2026-10-25 22:59:59: 25 Hrs = 25', monday];
const split = [
  saturday,
  '2026-10-24 22:00:00 to 2026-10-24 22:59:59: 1 Hrs = 1',
  '2026-10-24 23:00:00 to 2026-10-25 22:59:59: 24 Hrs = 24',
  monday,
];

/** Row 11 of a load balancer that ended, as was told too late, half an hour after the long day began. */
const lateEnd = { created: at('10-24T22:30:00'), committedMs: tuesdayMs + 3_600_000 };

interface Case {
  readonly why: string;
  readonly preset: Preset;
  /** Whether it was made before there was the choice. */
  readonly isOld: boolean;
  readonly rows: readonly string[];
  readonly late: readonly string[];
}

test.each<Case>([
  {
    why: 'java-4.23 has two windows, of 1 hour and of 24',
    ...{ preset: 'java-4.23', isOld: false, rows: split },
    late: ['24 Hrs -> 0', '1 Hrs -> 1800001'],
  },
  {
    why: 'correct has one of 25 hours',
    ...{ preset: 'correct', isOld: false, rows: whole, late: ['25 Hrs -> 1800000'] },
  },
  {
    why: 'a generation that was made before there was the choice has one, whatever its preset',
    ...{ preset: 'java-4.23', isOld: true, rows: whole, late: ['25 Hrs -> 1800001'] },
  },
])('R12: of the day of 25 hours $why', async ({ preset, isOld, rows, late }) => {
  const { mariadbUrl, kafkaBrokers } = servers();
  const kafka = kafkaBrokers.join(',');
  await using pipeline = await createPipeline({
    ...{ mariadbUrl, kafka, partitions: 2, preset, rangeMinutes: null, raw: false },
  });
  if (isOld)
    await rowsOf(
      pipeline,
      `INSERT INTO $generation (name, state, feed_topic, feed_partitions, range_minutes, time_zone,
         close_delay_ms, preset, settings) VALUES ('main', 'live', '${pipeline.names.prefix}.usage-feed', 2, 1440,
         'Europe/Berlin', 900000, '${preset}', '{"billing":{"snapshotVirtualSize":false},"quirks":{}}')`,
    );
  const runUntil = async (untilMs: number) => {
    const until = untilArgs(untilMs);
    await runStages(pipeline, [
      ['tail', ...until],
      ['aggregate', ...until],
      ['sink', ...until],
    ]);
  };
  await tell(pipeline, { settings, accounts: [3] });
  await runStages(pipeline, [['tail', ...untilArgs(saturdayMs)]]);
  const balancer = { resource_id: 501, resource_name: 'lb' };
  await tell(pipeline, {
    committedMs: saturdayMs,
    events: [{ type: 'LB.CREATE', created: saturdayMs, ...balancer }],
  });
  await runUntil(tuesdayMs);
  const published = await rowsOf(pipeline, 'SELECT * FROM $usage.cloud_usage ORDER BY start_date');
  expect(
    published.map(
      (row) =>
        `${row['start_date']} to ${row['end_date']}: ${row['usage_display']} = ${Number(row['raw_usage'])}`,
    ),
  ).toEqual(rows);
  const isSplit = rows.length > whole.length;
  expect(quirksOf(pipeline, published)).toEqual(
    rows.map((row) => (isSplit && row !== saturday && row !== monday ? ['splitLongDay'] : [])),
  );
  // One run a day, as a server's.
  const jobs = await rowsOf(pipeline, 'SELECT * FROM $usage.usage_job WHERE success = 1');
  expect(jobs.map((job) => `${job['start_date']} to ${job['end_date']}`)).toEqual(
    whole.map((row) => row.split(': ')[0]),
  );

  // Folded again, it is cut as it was: what is corrected is what the event changes.
  const { created, committedMs } = lateEnd;
  await tell(pipeline, { committedMs, events: [{ type: 'LB.DELETE', created, ...balancer }] });
  await runUntil(tuesdayMs + 86_400_000);
  const corrections = await rowsOf(
    pipeline,
    `SELECT CONCAT(r.usage_display, ' -> ', c.new_quantity) AS text
     FROM $correction c JOIN $record r USING (generation, window_start_ms, account_id, record_id)
     WHERE c.window_start_ms = ${at('10-24T22:00:00')} ORDER BY c.old_quantity DESC`,
  );
  expect(corrections.map((row) => row['text'] as string)).toEqual(late);
});
