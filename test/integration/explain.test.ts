import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import type { Explanation } from '../../src/cli/explain/explain-row.ts';
import { quoteName } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { usagestream } from '../support/command-line.ts';
import { readGolden } from '../support/golden.ts';
import { playGolden } from '../support/play-golden.ts';
import { runStages, untilArgs } from '../support/stages.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let late: Pipeline;
let basic: Pipeline;
beforeAll(async () => {
  late = await playGolden(await readGolden('late'), { partitions: 3, preset: 'correct' });
  basic = await playGolden(await readGolden('basic'), { partitions: 3 });
});
afterAll(async () => {
  await late[Symbol.asyncDispose]();
  await basic[Symbol.asyncDispose]();
});

function explain({ names }: Pipeline, ...args: string[]) {
  const { schema, cloudUsageSchema } = names;
  const of = ['--schema', schema, '--cloud-usage-schema', cloudUsageSchema];
  return usagestream(['explain', ...args, ...of]);
}

const explained = (pipeline: Pipeline, ...args: string[]) =>
  JSON.parse(explain(pipeline, ...args, '--json').stdout) as Explanation[];

async function query({ pool, names }: Pipeline, sql: string): Promise<RowDataPacket[]> {
  const [rows] = await pool.query<RowDataPacket[]>(
    sql
      .replaceAll('$us.', `${quoteName(names.schema)}.`)
      .replaceAll('$cloud.', `${quoteName(names.cloudSchema)}.`)
      .replaceAll('$cu.', `${quoteName(names.cloudUsageSchema)}.`),
  );
  return rows;
}

test('a row by its id: its sum is that of its intervals, and each event is the one in the source', async () => {
  const [row] = await query(
    basic,
    `SELECT cloud_usage_id AS id FROM $us.record WHERE usage_type = 1
     ORDER BY JSON_LENGTH(lineage) DESC LIMIT 1`,
  );
  const id = String(row?.['id']);
  const [one] = explained(basic, id);
  expect(one?.row).toMatchObject({ cloud_usage_id: id, usage_type: '1' });
  expect(one?.intervals.length).toBeGreaterThan(0);
  expect(one?.intervalSum).toBe(one?.quantity);
  for (const { opening } of one?.intervals ?? []) {
    const [event] = await query(
      basic,
      `SELECT type, CAST(resource_id AS CHAR) AS resource FROM $cloud.usage_event WHERE id = ${opening!.id}`,
    );
    expect(opening?.event).toMatchObject({
      type: event?.['type'],
      resourceId: event?.['resource'],
    });
    expect(opening?.origin.file).toMatch(/\.\d{6}$/);
    expect(opening?.feed.topic).toBe(`${basic.names.prefix}.usage-feed`);
  }
  const { stdout } = explain(basic, id);
  expect(stdout).toContain(`cloud_usage row ${id}: account`);
  expect(stdout).toMatch(/opened by event \d+ \(VM\.\w+\) of 2026-.*usage-feed\[\d\]@\d+, binlog/);
});

test('every row of a cloud can be explained, and all of its events are held', async () => {
  const rows = await query(basic, 'SELECT MIN(id) AS id FROM $cu.cloud_usage GROUP BY usage_type');
  expect(rows).toHaveLength(25);
  const all = explained(basic, ...rows.map(({ id }) => String(id)));
  expect(all).toHaveLength(25);
  for (const { intervals, counters } of all) {
    for (const { opening, openedBy, closing, closedBy } of intervals)
      expect([opening?.id, closing?.id ?? null]).toEqual([openedBy, closedBy]);
    // Totals have no intervals but the statistics rows that they were made of.
    if (intervals.length === 0) expect(counters.length).toBeGreaterThan(0);
  }
});

test('a row names the quirks without which it would be another; by correct rules there are none', async () => {
  const rows = await query(
    basic,
    'SELECT cloud_usage_id AS id, usage_type FROM $us.record WHERE usage_type IN (1, 4, 6, 13)',
  );
  const all = explained(basic, ...rows.map(({ id }) => String(id)));
  const ofType = (type: number) => all.filter(({ row }) => row['usage_type'] === String(type));
  expect(new Set(ofType(4).map(({ quirks }) => quirks))).toEqual(new Set([null]));
  // A closed interval bills its last millisecond; one that is open at the end of a window does not.
  for (const { intervals, quirks } of ofType(1)) {
    const isClosed = intervals.some(({ closedBy }) => closedBy !== null);
    expect(quirks?.includes('inclusiveMillisecond')).toBe(isClosed);
  }
  expect(ofType(1).some(({ quirks }) => quirks?.includes('inclusiveMillisecond'))).toBe(true);
  const [right] = await query(late, 'SELECT MIN(cloud_usage_id) AS id FROM $us.record');
  expect(explained(late, String(right?.['id']))[0]?.quirks).toEqual([]);
});

test('a row that was corrected says by what, and the appended row says which it corrects', async () => {
  const corrections = await query(
    late,
    `SELECT c.account_id, c.usage_type, c.window_start_ms, c.action, r.usage_id, a.cloud_usage_id AS appended
     FROM $us.correction c
     LEFT JOIN $us.record r ON r.generation = c.generation AND r.account_id = c.account_id
       AND r.window_start_ms = c.window_start_ms AND r.record_id = c.record_id
     LEFT JOIN $us.record a ON a.generation = c.generation AND a.account_id = c.account_id
       AND a.window_start_ms = c.made_start_ms AND a.record_id = c.appended_record_id`,
  );
  const wronged = corrections.find((c) => c['usage_id'] !== null);
  const [one] = explained(
    late,
    ...['--account', String(wronged?.['account_id']), '--type', String(wronged?.['usage_type'])],
    ...['--resource', String(wronged?.['usage_id'])],
    ...['--window', new Date(Number(wronged?.['window_start_ms']) + 1000).toISOString()],
  );
  expect(one?.corrections).toMatchObject([{ role: 'corrects this row', reason: 'LATE_EVENT' }]);
  expect(BigInt(one!.correctedQuantity) - BigInt(one!.quantity)).toBe(
    BigInt(one!.corrections[0]!.delta),
  );
  const appended = corrections.find((c) => c['appended'] !== null);
  const [made] = explained(late, String(appended?.['appended']));
  expect(made?.corrections).toMatchObject([{ role: 'made this row', action: 'append' }]);
  expect(made?.corrections[0]?.events.length).toBeGreaterThan(0);
});

test('a generation that was folded again explains its rows of any age by account and window', async () => {
  const golden = await readGolden('basic');
  await runStages(basic, [['aggregate', '--generation', 'again', ...untilArgs(golden.toMs)]]);
  const [row] = await query(
    basic,
    `SELECT account_id, usage_id, window_start_ms FROM $us.record WHERE usage_type = 6
     ORDER BY window_start_ms, usage_id LIMIT 1`,
  );
  const asked = [
    ...['--account', String(row?.['account_id']), '--type', '6'],
    ...['--resource', String(row?.['usage_id'])],
    ...['--window', new Date(Number(row?.['window_start_ms'])).toISOString()],
  ];
  const [live] = explained(basic, ...asked);
  const [again] = explained(basic, ...asked, '--generation', 'again');
  expect(again?.intervals).toEqual(live?.intervals);
  expect(again?.row['cloud_usage_id']).toBeNull();
  // A published row is found by its id, whatever generation is asked: before a takeover, after it.
  const [published] = explained(
    basic,
    ...[String(live?.row['cloud_usage_id']), '--generation', 'again'],
  );
  expect(published).toEqual(live);
});

test('what cannot be explained is said, with what to give instead', async () => {
  const nobody = explain(basic, '99999999');
  expect(nobody).toMatchObject({ status: 2 });
  expect(nobody.stderr).toContain('cloud_usage has no row 99999999');
  expect(explain(basic).stderr).toContain(
    'give the id of a row, or --account, --type and --window',
  );
  await query(
    basic,
    `INSERT INTO $cu.cloud_usage (zone_id, account_id, domain_id, description, usage_display, usage_type,
       raw_usage, start_date, end_date) VALUES (1, 3, 1, 'x', 'x', 1, 1, '2020-01-01', '2020-01-02')`,
  );
  const [row] = await query(basic, 'SELECT MAX(id) AS id FROM $cu.cloud_usage');
  expect(explain(basic, String(row?.['id'])).stderr).toContain('a Java usage server wrote it');
});
