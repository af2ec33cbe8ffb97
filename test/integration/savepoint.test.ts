import { expect, test, vi } from 'vitest';
import { cutoverCommand } from '../../src/cli/commands/cutover.ts';
import { rebuildCommand } from '../../src/cli/commands/rebuild.ts';
import { savepointCommands } from '../../src/cli/commands/savepoint.ts';
import { sqlDateTime } from '../../src/contracts/time.ts';
import { spanColumns } from '../../src/domain/helper-interval.ts';
import { intervalTables } from '../../src/domain/helper-tables.ts';
import { tableNames } from '../../src/domain/account-state.ts';
import { cloudCommand } from '../support/cloud-command.ts';
import { openEmbeddedCloud } from '../support/embedded-cloud.ts';

vi.setConfig({ testTimeout: 60_000 });

const day = 86_400_000;

test('what begins with a savepoint has the anomalies of a rebuild from the start, and a cutover to it leaves every row of the helper tables that is read again', async () => {
  const playedMs = Date.UTC(2026, 5, 8) + 2 * day;
  await using cloud = await openEmbeddedCloud('week', { playedMs });
  const { pipeline, stages, sql } = cloud;
  const done = { code: null, status: 0 };
  const savepoint = cloudCommand(cloud, savepointCommands.create);
  const made = await savepoint(['half', '--generation', 'main', '--json']);
  expect(JSON.parse(made.stdout)).toMatchObject({ closedUntil: new Date(playedMs).toISOString() });
  await cloud.playRest();
  const rebuild = cloudCommand(cloud, rebuildCommand);
  expect(await rebuild(['later', '--from-savepoint', 'half', '--json'])).toMatchObject(done);
  expect(await rebuild(['whole', '--json'])).toMatchObject(done);

  const anomalies = (name: string) =>
    sql(
      `SELECT account_id, event_id, code, window_start_ms, facts FROM $us.anomaly
       WHERE generation = (SELECT id FROM $us.generation WHERE name = ?)
       ORDER BY account_id, event_id, code, window_start_ms`,
      [name],
    );
  const whole = await anomalies('whole');
  const before = whole.filter((one) => Number(one['window_start_ms']) < playedMs);
  expect(before.length).toBeGreaterThan(0);
  expect(whole.length).toBeGreaterThan(before.length);
  expect(await anomalies('later')).toEqual(whole);

  /** All rows that were open at the savepoint or opened later: of no others is it known that they were. */
  const rows = async () => {
    const found: string[] = [];
    for (const name of tableNames) {
      const [, end] = spanColumns(name);
      const table = intervalTables[name].name;
      const kept = await sql(`SELECT * FROM $cu.${table} WHERE ${end} IS NULL OR ${end} >= ?`, [
        sqlDateTime(playedMs),
      ]);
      found.push(...kept.map(({ id: _id, ...row }) => `${table} ${JSON.stringify(row)}`));
    }
    return found.toSorted();
  };
  const live = await rows();
  expect(live.length).toBeGreaterThan(100);
  {
    await using _sink = await stages.lead(pipeline.names, 'main');
    expect(await cloudCommand(cloud, cutoverCommand)(['later', '--json'])).toMatchObject(done);
  }
  expect(await rows()).toEqual(live);
});
