import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createPipeline } from '../../src/cli/demo/pipeline.ts';
import type { Pipeline } from '../../src/cli/demo/pipeline.ts';
import { createConnection } from 'mysql2/promise';
import { quirkSet } from '../../src/domain/quirks.ts';
import { mysqlOptions } from '../../src/platform/mysql.ts';
import type { RowDataPacket } from '../../src/platform/mysql.ts';
import { foldGolden, formatGoldenRows, readGolden } from '../support/golden.ts';
import type { Golden } from '../support/golden.ts';
import { playGoldenCloud, tableLines } from '../support/golden-tables.ts';
import { usagestream } from '../support/command-line.ts';
import { alsoGranted, grantedUser } from '../support/granted-user.ts';
import type { GrantedUser } from '../support/granted-user.ts';
import { handover, runUntil } from '../support/handover.ts';
import { continuation, loadJavaTables } from '../support/java-continued.ts';
import { goldenLines, publishedLines, usageColumns } from '../support/published-lines.ts';
import { servers } from '../support/servers.ts';
import { playSqlScript } from '../support/sql-script.ts';
import { runStage, untilArgs } from '../support/stages.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const day = 86_400_000;
const quirks = quirkSet('java-4.23');

let pipeline: Pipeline;
let golden: Golden;
/** With what comes after the golden history. */
let whole: Golden;
let user: GrantedUser;
let takeover: ReturnType<typeof handover>['takeover'];
let handback: ReturnType<typeof handover>['handback'];
let name = '';

/** A cloud that a real usage server has billed up to the end of golden basic, and been stopped. */
beforeAll(async () => {
  golden = await readGolden('basic');
  const { mariadbUrl, kafkaBrokers } = servers();
  pipeline = await createPipeline({ mariadbUrl, kafka: kafkaBrokers.join(','), partitions: 3 });
  await playGoldenCloud(pipeline, golden);
  await loadJavaTables(pipeline, golden, usageColumns);
  await runStage(pipeline, 'tail', ...untilArgs(golden.toMs));
  const { schema, cloudUsageSchema: cloud_usage } = pipeline.names;
  user = await grantedUser('sink', { schema, cloud_usage });
  await alsoGranted(user, 'handover', { schema, cloud_usage });
  ({ takeover, handback } = handover(pipeline, { USAGESTREAM_SINK: user.url }));
});
afterAll(async () => {
  await pipeline[Symbol.asyncDispose]();
  await user[Symbol.asyncDispose]();
});

async function sql(text: string): Promise<RowDataPacket[]> {
  const { names, pool } = pipeline;
  const named = text.replaceAll('$cu', names.cloudUsageSchema).replaceAll('$us', names.schema);
  const [rows] = await pool.query<RowDataPacket[]>(named);
  return rows;
}

const published = () => publishedLines(pipeline.pool, pipeline.names.cloudUsageSchema);
/** Rows of a server that never stopped. */
const expectedAfter = (days: number) =>
  goldenLines(
    formatGoldenRows(foldGolden({ ...whole, toMs: golden.toMs + days * day }, quirks).rows),
  );

/** Our tables, in one number: what a command that changes nothing leaves as it is. */
const ours = async () =>
  JSON.stringify([
    await sql('SELECT name, state FROM $us.generation ORDER BY id'),
    await sql('SELECT COUNT(*) FROM $us.base_state'),
    await sql('SELECT COUNT(*) FROM $us.helper_row'),
    await sql('SELECT COUNT(*) FROM $us.handover'),
  ]);

const java = `(host, pid, job_type, scheduled, start_millis, end_millis, exec_time, heartbeat)
  VALUES ('java/10.0.0.1', 4711, 0, 0, 0, 0, 0`;

test.each([
  {
    why: 'while a Java server lives',
    harm: `INSERT INTO $cu.usage_job ${java}, UTC_TIMESTAMP())`,
    mend: 'DELETE FROM $cu.usage_job WHERE end_millis = 0',
    says: /SINK_NOT_ALONE[^]*java\/10\.0\.0\.1/,
  },
  {
    why: 'with events that were never processed',
    harm: 'UPDATE $cu.usage_event SET processed = 0 WHERE id >= 50',
    mend: 'UPDATE $cu.usage_event SET processed = 1',
    says: /TAKEOVER_REFUSED[^]*stuck-events/,
  },
  {
    why: 'with jobs that billed time twice',
    harm: 'UPDATE $cu.usage_job SET start_millis = start_millis - 1000 WHERE id = 2',
    mend: 'UPDATE $cu.usage_job SET start_millis = start_millis + 1000 WHERE id = 2',
    says: /TAKEOVER_REFUSED[^]*overlapping-jobs/,
  },
  {
    why: 'with rows that stand twice',
    harm: 'INSERT INTO $cu.cloud_usage SELECT NULL, zone_id, account_id, domain_id, description, usage_display, usage_type, raw_usage, vm_instance_id, vm_name, offering_id, template_id, usage_id, type, size, network_id, start_date, end_date, virtual_size, cpu_speed, cpu_cores, memory, quota_calculated, is_hidden, state FROM $cu.cloud_usage ORDER BY id DESC LIMIT 1',
    mend: 'DELETE FROM $cu.cloud_usage ORDER BY id DESC LIMIT 1',
    says: /TAKEOVER_REFUSED[^]*duplicate-rows/,
  },
  {
    why: 'after a job that failed half-way',
    harm: "UPDATE $cu.usage_event SET created = '2026-03-04 05:00:00' WHERE id = 1",
    mend: "UPDATE $cu.usage_event SET created = '2026-03-01 00:00:00' WHERE id = 1",
    says: /TAKEOVER_REFUSED[^]*failed half-way/,
  },
  {
    why: 'when the last job ended within a window',
    harm: 'UPDATE $cu.usage_job SET end_millis = end_millis + 60000 WHERE id = 3',
    mend: 'UPDATE $cu.usage_job SET end_millis = end_millis - 60000 WHERE id = 3',
    says: /TAKEOVER_REFUSED[^]*within a window/,
  },
])('takeover is refused $why, and changes nothing', async ({ harm, mend, says }) => {
  const before = await ours();
  await sql(harm);
  const refused = takeover();
  await sql(mend);
  expect(refused.stderr).toMatch(says);
  expect(refused.status).toBe(1);
  expect(await ours()).toBe(before);
});

test('a dry run says what would be taken over, table by table, and changes nothing', async () => {
  const before = await ours();
  const { status, stdout } = takeover('--dry-run', '--json');
  expect(status).toBe(0);
  const [open] = await sql(
    'SELECT COUNT(*) AS n FROM $cu.usage_vm_instance WHERE end_date IS NULL',
  );
  expect(JSON.parse(stdout)).toMatchObject({
    dryRun: true,
    generation: 'java-20260304T000000Z',
    window: { startMs: golden.toMs, endMs: golden.toMs + day },
    rows: { usage_vm_instance: Number(open?.['n']) },
    withoutEvent: 0,
    problems: [],
  });
  expect(await ours()).toBe(before);
});

test('from the tables of a real server the next days are billed as if it had never stopped, a late event once', async () => {
  const taken = takeover('--json');
  expect(taken).toMatchObject({ status: 0 });
  const { generation } = JSON.parse(taken.stdout) as { generation: string };
  name = generation;
  const state = await ours();
  expect(takeover()).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/already taken over/),
  });
  expect(await ours()).toBe(state);

  const [last] = await sql('SELECT MAX(id) AS id FROM $cu.usage_event');
  const more = await continuation(golden, Number(last?.['id']) + 1);
  const player = await createConnection({
    ...mysqlOptions(pipeline.target),
    multipleStatements: true,
  });
  await player.query(more.replaceAll(' cloud.', ` ${pipeline.names.cloudSchema}.`));
  await player.end();
  whole = { ...golden, changes: playSqlScript(`${golden.inputSql}\n${more}`) };
  await runUntil(pipeline, golden.toMs + 2 * day, generation);
  expect(await published()).toEqual(expectedAfter(2));
  expect(expectedAfter(2).length).toBeGreaterThan(golden.usage.length);
  const corrections = await sql('SELECT COUNT(*) AS n FROM $us.correction');
  expect(Number(corrections[0]?.['n'])).toBe(0);
  // Folded again it begins where it began.
  const { schema, prefix } = pipeline.names;
  const names = ['--schema', schema, '--prefix', prefix, '--generation', generation];
  expect(usagestream(['replay', ...names])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('nothing changes'),
  });
});

test('helper tables that were left out or damaged are made from the states, and prove to be complete', async () => {
  const tables = ['usage_vm_instance', 'usage_volume', 'usage_ip_address'];
  const lines = async () => {
    const all = [];
    for (const table of ['usage_storage', 'usage_networks', 'usage_event', 'account', ...tables])
      all.push(await tableLines(pipeline, 'basic', table));
    return all;
  };
  const before = await lines();
  for (const table of tables)
    await sql(`DELETE FROM $cu.${table} ORDER BY account_id DESC LIMIT 3`);
  await sql('DELETE FROM $cu.usage_event ORDER BY id DESC LIMIT 3');
  expect(handback(name).stderr).toMatch(/HANDBACK_REFUSED[^]*--write-tables/);
  const damaged = await lines();
  expect(handback(name, '--write-tables')).toMatchObject({ status: 0, stderr: '' });
  const after = await lines();
  expect(damaged).not.toEqual(before);
  // Closed rows of the past that were deleted are not needed, and are not made.
  for (const [at, table] of after.entries())
    expect(before[at]).toEqual(expect.arrayContaining(table));
  const again = JSON.parse(takeover('--into', 'again', '--json').stdout) as { generation: string };
  name = again.generation;
  await runUntil(pipeline, golden.toMs + 3 * day, name);
  expect(await published()).toEqual(expectedAfter(3));
});

test('handback compares every table, gives up the job, and no sink publishes on', async () => {
  await sql('UPDATE $cu.usage_volume SET size = size + 1 WHERE deleted IS NULL LIMIT 1');
  const refused = handback(name);
  await sql('UPDATE $cu.usage_volume SET size = size - 1 WHERE deleted IS NULL LIMIT 1');
  expect(refused.stderr).toMatch(/HANDBACK_REFUSED[^]*helper tables/);
  expect(refused.status).toBe(1);
  expect(await sql('SELECT 1 FROM $cu.usage_job WHERE end_millis = 0')).toHaveLength(1);

  const handed = handback(name, '--json');
  expect(handed).toMatchObject({ status: 0 });
  expect(JSON.parse(handed.stdout)).toMatchObject({
    boundaryMs: golden.toMs + 3 * day,
    problems: [],
  });
  expect(await sql('SELECT 1 FROM $cu.usage_job WHERE end_millis = 0')).toHaveLength(0);
  expect(handback(name)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/already handed back/),
  });
  await expect(runStage(pipeline, 'sink', '--generation', name)).rejects.toThrow(
    /SINK_HANDED_BACK|GENERATION_MISMATCH/,
  );
  expect(await sql('SELECT 1 FROM $cu.usage_job WHERE end_millis = 0')).toHaveLength(0);
  // Taken over again, all goes on from there.
  expect(takeover('--json')).toMatchObject({ status: 0 });
});
