import type { RowDataPacket } from 'mysql2/promise';
import { describe, expect, test } from 'vitest';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { CorrectionMessage } from '../../src/contracts/messages.ts';
import { presets, quirkSet } from '../../src/domain/quirks.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import { corrections } from '../../streams/index.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { goldenLines, publishedLines } from '../support/published-lines.ts';
import { runStage, untilArgs } from '../support/stages.ts';

const day = 86_400_000;
const firstDay = Date.UTC(2026, 3, 1);
const dayOf = (n: number) => ({ startMs: firstDay + n * day, endMs: firstDay + (n + 1) * day });

/** All corrections that reached their topic. */
async function messages({ log, names }: Pipeline): Promise<CorrectionMessage[]> {
  const topic = corrections.topic(names.prefix);
  const found: CorrectionMessage[] = [];
  const { signal } = new AbortController();
  for (const { partition, earliest, next } of await log.offsets(topic)) {
    if (next === earliest) continue;
    for await (const batch of log.read({ topic, partition, from: earliest, until: next, signal }))
      for (const record of batch.records)
        found.push(CorrectionMessage.parse(JSON.parse(String(record.value))));
  }
  return found.toSorted((a, b) => a.madeIn.startMs - b.madeIn.startMs);
}

async function correctionRows({ pool, names }: Pipeline): Promise<number> {
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS n FROM ${quoteName(names.schema, 'correction')}`,
  );
  return Number(rows[0]?.['n']);
}

/** start_date, usage_type, usage_id, raw_usage, description. */
const brief = (line: string): string => {
  const cells = line.split('\t');
  return [cells[15], cells[5], cells[11], cells[6], cells[3]].join(' | ');
};

describe.each(presets)('events that a real server saw late: %s', (preset) => {
  test(
    'each row once, a correction for what was published wrong',
    { timeout: 120_000 },
    async () => {
      const golden = await readGolden('late');
      await using pipeline = await playGolden(golden, { partitions: 3, preset });
      const extra = preset === 'correct' ? 0 : 1;
      // The stop of 22:10:14 came at 08:00 the day after: 01:00:05 to midnight was published.
      const published = 82_795_000;
      const ran = 76_209_000 + extra;
      // The rule of 07:59:59 came a day later: 16:00:01 of its day were missed.
      const missed = 57_601_000;
      const common = { v: 1, revision: 1, generation: 'main', unit: 'ms', reason: 'LATE_EVENT' };
      expect(await correctionRows(pipeline)).toBe(2);
      expect(await messages(pipeline)).toMatchObject([
        {
          ...common,
          accountId: '3',
          usageType: 1,
          window: dayOf(0),
          madeIn: dayOf(1),
          oldQuantity: String(published),
          newQuantity: String(ran),
          delta: String(ran - published),
          eventIds: ['5'],
          action: 'ledger',
          appendedRecordId: null,
          creditQuantity: String(published - ran),
        },
        {
          ...common,
          accountId: '4',
          usageType: 12,
          window: dayOf(3),
          madeIn: dayOf(4),
          oldQuantity: '0',
          newQuantity: String(missed),
          delta: String(missed),
          eventIds: ['999'],
          action: 'append',
          creditQuantity: null,
        },
      ]);
      const lines = await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema);
      // The server billed 22:10:14 to midnight of the first day twice, and the rule 512 never.
      const once = golden.usage.filter((line) => !line.includes('2026-04-01 22:10:14'));
      expect(once).toHaveLength(golden.usage.length - 4);
      const rule = 'Port Forwarding Rule: 512 usage time';
      expect(lines.map(brief).toSorted()).toEqual(
        [
          ...goldenLines(once).map(brief),
          `2026-04-05 00:00:00 | 12 | 512 | 24 | ${rule}`,
          // 57601 s in 32-bit hours.
          `2026-04-05 00:00:00 | 12 | 512 | ${Math.fround(Math.fround(Math.fround(57_601) / 60) / 60)} | ` +
            `Adjustment for 2026-04-04 00:00:00 .. 2026-04-04 23:59:59: ${rule}`,
        ].toSorted(),
      );
    },
  );
});

test.each([
  { name: 'volvm-broken', like: 'volvm' },
  { name: 'bug13112', like: null },
])(
  'the input of $name, at which a real server repeats itself: each row once, nothing to correct',
  { timeout: 120_000 },
  async ({ name, like }) => {
    const golden = await readGolden(name);
    await using pipeline = await playGolden(golden, { partitions: 3, preset: 'java-4.23' });
    const lines = await publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema);
    const right =
      like === null
        ? formatGoldenRows(foldGolden(golden, quirkSet('java-4.23')).rows)
        : (await readGolden(like)).usage;
    expect(lines).toEqual(goldenLines(right));
    expect(new Set(lines).size).toBe(lines.length);
    expect(await correctionRows(pipeline)).toBe(0);
    expect(await messages(pipeline)).toEqual([]);
  },
);

test(
  'after a correction the helper tables say what they would, had no event been late',
  { timeout: 120_000 },
  async () => {
    const golden = await readGolden('late');
    await using pipeline = await playGolden(golden, { partitions: 3, preset: 'java-4.23' });
    const { pool, names } = pipeline;
    const [found] = await pool.query<RowDataPacket[]>(
      `SELECT usage_type, vm_instance_id, start_date, end_date
       FROM ${quoteName(names.cloudUsageSchema, 'usage_vm_instance')}`,
    );
    // Starts and stops of one VM take turns in this history, so each open ends at the next close of its kind.
    const [expected] = await pool.query<RowDataPacket[]>(
      `SELECT IF(o.type = 'VM.CREATE', 2, 1) AS usage_type, o.resource_id AS vm_instance_id,
         o.created AS start_date,
         (SELECT MIN(c.created) FROM ${quoteName(names.cloudSchema, 'usage_event')} AS c
          WHERE c.resource_id = o.resource_id AND (c.created, c.id) > (o.created, o.id)
            AND c.type = IF(o.type = 'VM.CREATE', 'VM.DESTROY', 'VM.STOP')) AS end_date
       FROM ${quoteName(names.cloudSchema, 'usage_event')} AS o
       WHERE o.type IN ('VM.CREATE', 'VM.START')`,
    );
    const lines = (rows: RowDataPacket[]) => rows.map((row) => JSON.stringify(row)).toSorted();
    expect(lines(found).length).toBeGreaterThan(2);
    expect(lines(found)).toEqual(
      lines(
        expected.map((row) => ({ ...row, usage_type: Number(row['usage_type']) }) as RowDataPacket),
      ),
    );
    const [copies] = await pool.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS n FROM ${quoteName(names.cloudSchema, 'usage_event')} AS e
       LEFT JOIN ${quoteName(names.cloudUsageSchema, 'usage_event')} AS c
         ON c.id = e.id AND c.processed = 1 WHERE c.id IS NULL`,
    );
    expect(Number(copies[0]?.['n'])).toBe(0);
  },
);

test(
  'the same events with corrections that amend: rows are changed in place, and none is beside them',
  { timeout: 120_000 },
  async () => {
    const golden = await readGolden('late');
    const storeArgs = ['--corrections', 'amend'];
    const options = { partitions: 3, preset: 'correct' as const, storeArgs };
    await using pipeline = await playGolden(golden, options);
    const { pool, names } = pipeline;
    const ran = 76_209_000;
    const [wrong, missing] = await messages(pipeline);
    expect(wrong).toMatchObject({
      usageType: 1,
      action: 'amend',
      state: 'amended',
      window: dayOf(0),
    });
    expect(wrong).toMatchObject({ newQuantity: String(ran), creditQuantity: null });
    // There is no row that could be changed.
    expect(missing).toMatchObject({ usageType: 12, action: 'append', state: 'made' });
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT u.raw_usage, u.usage_display, c.amended_from FROM ${quoteName(names.schema, 'correction')} AS c
       JOIN ${quoteName(names.cloudUsageSchema, 'cloud_usage')} AS u ON u.id = c.amended_id`,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.['raw_usage']).toBeCloseTo(ran / 3_600_000, 5);
    const before = JSON.parse(String(rows[0]?.['amended_from'])) as Record<string, string>;
    expect(Number(before['raw_usage'])).toBeCloseTo(82_795_000 / 3_600_000, 5);
    // Other rules would make other corrections beside those that stand.
    const run = runStage(pipeline, 'aggregate', ...untilArgs(golden.toMs));
    await expect(run).rejects.toThrow(/GENERATION_MISMATCH/);
  },
);
